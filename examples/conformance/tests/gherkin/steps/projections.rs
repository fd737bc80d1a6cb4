//! Projections: callers with roles, and frames of what is followed.

use std::time::Duration;

use cucumber::gherkin::Step;
use cucumber::{then, when};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::world::World;

/// More than any frame may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[when(regex = r#"^I (GET|POST|PUT|DELETE) as (app|operator|admin) "([^"]*)"(?: with)?$"#)]
async fn call_as(world: &mut World, name: String, role: String, path: String, step: &Step) {
    world.become_caller(&role);
    world.call(name.parse().unwrap(), &path, step.docstring.as_deref()).await;
}

#[when(expr = "I follow {string}")]
async fn follow(world: &mut World, path: String) {
    let path = world.scoped(&world.fill(&path));
    let mut body = world.api.stream(&path).await;
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut read = String::new();
        while let Some(Ok(part)) = body.frame().await {
            let Ok(data) = part.into_data() else { continue };
            read.push_str(&String::from_utf8_lossy(&data));
            while let Some((frame, rest)) = read.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                read = rest;
                if sender.send(frame).is_err() {
                    return;
                }
            }
        }
    });
    world.frames = Some(receiver);
}

#[then(regex = r#"^a frame "([^"]*)" comes whose "([^"]*)" is (.+)$"#)]
async fn comes(world: &mut World, name: String, path: String, expected: String) {
    let expected: Value = serde_json::from_str(&world.fill(&expected)).unwrap();
    let frames = world.frames.as_mut().expect("something is followed");
    let mut met = Vec::new();
    let wanted = async {
        while let Some(frame) = frames.recv().await {
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") != Some(name.as_str()) {
                continue;
            }
            let data: Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
            if data.pointer(&format!("/{}", path.replace('.', "/"))) == Some(&expected) {
                return;
            }
            met.push(data);
        }
        panic!("the stream ended: {met:?}");
    };
    assert!(tokio::time::timeout(PATIENCE, wanted).await.is_ok(), "no such frame: {met:?}");
}
