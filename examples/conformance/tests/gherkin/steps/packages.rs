//! Crates: what they depend on, what they ship, how they are used alone.

use std::path::Path;
use std::process::Command;

use cucumber::{then, when};
use serde_json::{Value, json};

use crate::world::World;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

async fn cargo(dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--offline").current_dir(dir);
    let done = tokio::process::Command::from(command).output().await.unwrap();
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

fn keep(world: &mut World, text: &str) {
    world.remembered.insert("shown".to_owned(), text.to_owned());
}

#[when(expr = "I look at what crate {string} depends on")]
async fn depends(world: &mut World, name: String) {
    let all = ["tree", "-p", &name, "-e", "normal,build", "--prefix", "none", "--all-features"];
    let tree = cargo(workspace(), &all).await.unwrap();
    let names = tree.lines().skip(1).filter_map(|line| line.split(' ').next());
    keep(world, &names.collect::<Vec<_>>().join(", "));
}

#[then(expr = "it depends on {string} and nothing else")]
fn depends_on(world: &mut World, names: String) {
    assert_eq!(world.remembered["shown"], names);
}

#[when(expr = "a program outside the workspace depends on {string} alone")]
async fn consumer(world: &mut World, path: String) {
    let dir = tempfile::tempdir().unwrap();
    let path = workspace().join(path);
    let manifest = format!(
        "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\neverstep-decider = {{ path = {path:?}, default-features = false }}\n\
         [workspace]\n"
    );
    std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    let main = "fn main() { let _ = everstep_decider::Moment::new(0, \"id\").id(); }";
    std::fs::write(dir.path().join("src/main.rs"), main).unwrap();
    let target = dir.path().join("target").display().to_string();
    let built = cargo(dir.path(), &["check", "--target-dir", &target]).await;
    assert!(built.is_ok(), "{built:?}");
    let tree = cargo(dir.path(), &["tree", "-e", "normal", "--prefix", "none"]).await.unwrap();
    keep(world, &tree);
}

#[then("it compiles")]
fn compiles(world: &mut World) {
    assert!(world.remembered["shown"].contains("everstep-decider"));
}

#[then(expr = "none of {string} was needed")]
fn not_needed(world: &mut World, names: String) {
    let tree = &world.remembered["shown"];
    for name in names.split(", ") {
        assert!(!tree.lines().any(|line| line.split(' ').next() == Some(name)), "{tree}");
    }
}

#[when(expr = "I list the package of crate {string}")]
async fn package(world: &mut World, name: String) {
    let list = cargo(workspace(), &["package", "-p", &name, "--list", "--allow-dirty"]).await;
    keep(world, &list.unwrap());
}

#[then(expr = "it has {string}")]
fn ships(world: &mut World, file: String) {
    let list = &world.remembered["shown"];
    assert!(list.lines().any(|line| line == file), "no `{file}` in\n{list}");
}

#[when(expr = "I look for unit tests in {string}")]
fn unit_tests(world: &mut World, folders: String) {
    let mut found = Vec::new();
    for folder in folders.split(", ") {
        let folder = workspace().join(folder);
        let files: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            if text.contains("#[test]") || text.contains("#[cfg(test)]") {
                found.push(file.display().to_string());
            }
        }
    }
    keep(world, &found.join(", "));
}

#[then("there are none")]
fn none(world: &mut World) {
    assert_eq!(world.remembered["shown"], "");
}

/// The library crates, by name, with their scenarios and the tests that bring a runner of their own.
#[when("I look for the features of every library crate")]
async fn features(world: &mut World) {
    let metadata = ["metadata", "--no-deps", "--format-version", "1"];
    let metadata = cargo(workspace(), &metadata).await.unwrap();
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut found = serde_json::Map::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let dir = manifest.parent().unwrap();
        if dir.starts_with(workspace().join("examples")) {
            continue;
        }
        let scenarios: usize = std::fs::read_dir(dir.join("tests/features"))
            .into_iter()
            .flatten()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .map(|text| text.lines().filter(|line| line.trim().starts_with("Scenario")).count())
            .sum();
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let runners = manifest.matches("harness = false").count();
        let of = json!({ "scenarios": scenarios, "runners": runners });
        found.insert(package["name"].as_str().unwrap().to_owned(), of);
    }
    world.body = Value::Object(found);
}

#[then(expr = "there are {int} crates, each with a feature and a test that runs it")]
fn every_crate(world: &mut World, crates: usize) {
    let found = world.body.as_object().unwrap();
    assert_eq!(found.len(), crates, "{found:?}");
    for (name, of) in found {
        let has = |what: &str| of[what].as_u64() > Some(0);
        assert!(has("scenarios") && has("runners"), "{name}: {of}");
    }
}
