//! Customers, and what events say of them.

use std::path::Path;

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::orders::submission;
use crate::world::World;

#[given(expr = "customer {string} called {string} at {string}")]
async fn customer(world: &mut World, id: String, name: String, email: String) {
    let new = json!({ "customerId": id, "name": name, "email": email });
    world.command("RegisterCustomer", new).await.expect(200);
}

#[when(expr = "customer {string} is renamed {string}")]
async fn renamed(world: &mut World, id: String, name: String) {
    world.command("RenameCustomer", json!({ "customerId": id, "name": name })).await.expect(200);
}

#[when(expr = "customer {string} is shredded")]
async fn shredded(world: &mut World, id: String) {
    let done = world.ask(Method::DELETE, &format!("/api/v1/subjects/{id}"), None).await.expect(200);
    assert_eq!(done["status"], "shredded", "{done}");
}

/// The submission as an application reads it: with its personal fields opened.
async fn opened(world: &World, order: &str) -> Value {
    let path = format!("/api/v1/fat-events?stream_type=orders.Order&stream_id={order}");
    let mut page = world.get(&path).await;
    let events = page["events"].as_array_mut().unwrap();
    let at = events.iter().position(|event| event["type"] == "OrderSubmitted").unwrap();
    events.swap_remove(at)
}

#[then(expr = "{string} was submitted in version {int} by {string} at {string}")]
async fn submitted_by(world: &mut World, order: String, version: u32, name: String, email: String) {
    let event = opened(world, &order).await;
    assert_eq!(event["schema_version"], version, "{event}");
    assert_eq!(event["category"], "fat", "{event}");
    assert_eq!(event["data"]["customerName"], name, "{event}");
    assert_eq!(event["data"]["customerEmail"], email, "{event}");
    assert!(event["data"]["submittedAt"].as_i64() > Some(0), "{event}");
}

#[then(expr = "the e-mail in {string} is sealed in the log")]
async fn sealed(world: &mut World, order: String) {
    let event = submission(world, &order).await;
    assert!(event["data"]["customerEmail"]["$sealed"].is_string(), "{event}");
}

#[then(expr = "the e-mail in {string} is shredded")]
async fn gone(world: &mut World, order: String) {
    let event = opened(world, &order).await;
    assert_eq!(event["data"]["customerEmail"], json!({ "shredded": true }), "{event}");
}

#[then(expr = "the record of the command {string} has no {string}")]
async fn record(world: &mut World, command_type: String, text: String) {
    let commands = world.get("/api/v1/commands?page_size=100").await;
    let own = commands["commands"].as_array().unwrap().iter();
    let own: Vec<_> = own.filter(|command| command["type"] == *command_type).collect();
    assert!(!own.is_empty(), "{commands}");
    assert!(own.iter().all(|command| !command.to_string().contains(&text)), "{own:?}");
}

#[then(expr = "no file contains {string}")]
fn no_file(world: &mut World, text: String) {
    search(&world.data(), text.as_bytes());
}

fn search(dir: &Path, text: &[u8]) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, text);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(text.len()).any(|window| window == text);
        assert!(!found, "{} contains it", path.display());
    }
}
