//! Crates: what they depend on, what they ship, how they are used alone.

use std::path::Path;
use std::process::Command;

use cucumber::{then, when};

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
