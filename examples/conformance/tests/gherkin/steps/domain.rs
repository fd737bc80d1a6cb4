//! What the domain's rules say beyond HTTP: about ids, and about what lies on the disk.

use std::path::{Path, PathBuf};

use cucumber::then;
use serde_json::{Value, json};

use crate::world::World;

/// Bytes of one key's slot in the key file, and of the head before the first one.
const SLOT: usize = 64;
const HEAD: usize = 16;

#[then(expr = "the answer's {string} differs from {string}")]
fn differs(world: &mut World, path: String, other: String) {
    let other = world.fill(&other);
    assert_ne!(world.at(&path).as_str(), Some(other.as_str()), "{}", world.body);
}

#[then(expr = "the answer's {string} has {int} letters and digits")]
fn letters_and_digits(world: &mut World, path: String, count: usize) {
    let text = world.at(&path).as_str().unwrap();
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    assert!(fits, "{text}");
}

/// The email in the first event of a customer's stream, as an application reads it.
async fn email(world: &mut World, customer: &str) -> Value {
    let path = format!("/api/v1/fat-events?stream_type=Customer&stream_id={customer}");
    world.call(hyper::Method::GET, &path, None).await;
    assert_eq!(world.status, 200, "{}", world.body);
    world.at("events.0.data.email").clone()
}

#[then(expr = "customer {string} has the email {string}")]
async fn has_email(world: &mut World, customer: String, address: String) {
    assert_eq!(email(world, &customer).await, json!(address));
}

#[then(expr = "the email of customer {string} is shredded")]
async fn is_shredded(world: &mut World, customer: String) {
    assert_eq!(email(world, &customer).await, json!({ "shredded": true }));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// The files that hold the bytes.
fn holding(world: &World, bytes: &[u8]) -> Vec<PathBuf> {
    let mut files = files(world.home());
    assert!(files.len() > 2, "{files:?}");
    files.retain(|file| {
        let stored = std::fs::read(file).unwrap();
        stored.windows(bytes.len()).any(|window| window == bytes)
    });
    files
}

#[then(expr = "no file contains {string}")]
fn no_file_contains(world: &mut World, text: String) {
    assert_eq!(holding(world, text.as_bytes()), Vec::<PathBuf>::new());
    // What is searched for this way is found where it is.
    assert_ne!(holding(world, b"CustomerMoved"), Vec::<PathBuf>::new());
}

fn keys(world: &World) -> Vec<[u8; 32]> {
    let stored = std::fs::read(world.data().join("subject-keys")).unwrap();
    let slots = stored[HEAD..].chunks_exact(SLOT);
    let keys = slots.map(|slot| <[u8; 32]>::try_from(&slot[16..48]).unwrap());
    keys.filter(|key| *key != [0; 32]).collect()
}

#[then("I remember the keys of the key file")]
fn remember_keys(world: &mut World) {
    world.keys = keys(world);
    assert!(!world.keys.is_empty());
}

#[then("one key is gone from the key file, and stands in no file")]
fn one_key_is_gone(world: &mut World) {
    let left = keys(world);
    let gone: Vec<_> = world.keys.iter().filter(|key| !left.contains(key)).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(holding(world, gone[0]), Vec::<PathBuf>::new());
}

#[then("no file of the backup contains a key")]
fn no_key_is_copied(world: &mut World) {
    let copied: Vec<_> = files(&world.data().with_extension("backup"));
    assert!(!copied.is_empty());
    for key in &world.keys {
        let found = holding(world, key);
        assert!(found.iter().all(|file| !copied.contains(file)), "{found:?}");
    }
}
