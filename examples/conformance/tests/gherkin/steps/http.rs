//! Calls in the words of HTTP, and what they answer.

use cucumber::gherkin::Step;
use cucumber::{then, when};
use hyper::Method;
use serde_json::Value;

use crate::world::World;

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[when(regex = r#"^I (GET|POST|PUT|PATCH|DELETE) "([^"]*)"(?: with)?$"#)]
async fn call(world: &mut World, name: String, path: String, step: &Step) {
    world.call(method(&name), &path, step.docstring.as_deref()).await;
}

/// In the body and the path, `$n` is the caller's number, from 1.
#[when(regex = r#"^(\d+) callers at once (POST|PUT) "([^"]*)" with$"#)]
async fn call_at_once(world: &mut World, callers: usize, name: String, path: String, step: &Step) {
    let mut calls = tokio::task::JoinSet::new();
    for number in 1..=callers {
        let number = number.to_string();
        let body = step.docstring.as_ref().map(|body| body.replace("$n", &number));
        calls.spawn(world.ask(method(&name), &path.replace("$n", &number), body.as_deref()));
    }
    world.answers = calls.join_all().await;
}

#[then(expr = "the answer is {int}")]
fn answered(world: &mut World, status: u16) {
    assert_eq!(world.status, status, "{}", world.body);
}

#[then(expr = "the answer is {int} {string}")]
fn refused(world: &mut World, status: u16, code: String) {
    let code = (status, Some(code.as_str()));
    assert_eq!((world.status, world.body["code"].as_str()), code, "{}", world.body);
}

#[then(expr = "{int} of the answers is/are {int}")]
fn answered_at_once(world: &mut World, count: usize, status: u16) {
    let met = world.answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(met, count, "{:?}", world.answers);
}

#[then(expr = "every answer has the same {string}")]
fn same_at_once(world: &mut World, path: String) {
    let parts: Vec<Option<Value>> =
        world.answers.iter().map(|answer| answer.body.get(&path).cloned()).collect();
    assert!(parts.iter().all(|part| part.is_some() && *part == parts[0]), "{parts:?}");
}

#[then(regex = r#"^the answer's "([^"]*)" is (.+)$"#)]
fn part_is(world: &mut World, path: String, expected: String) {
    let expected = world.fill(&expected);
    let expected: Value = serde_json::from_str(&expected)
        .unwrap_or_else(|error| panic!("`{expected}` is no JSON value: {error}"));
    assert_eq!(*world.at(&path), expected, "{}", world.body);
}

#[then(expr = "the answer's {string} contains {string}")]
fn part_contains(world: &mut World, path: String, text: String) {
    let text = world.fill(&text);
    let found = match world.at(&path) {
        Value::String(found) => found.clone(),
        other => other.to_string(),
    };
    assert!(found.contains(&text), "`{found}` does not contain `{text}`");
}

#[then(expr = "the answer's {string} has {int} element(s)")]
fn part_has(world: &mut World, path: String, count: usize) {
    assert_eq!(world.at(&path).as_array().map(Vec::len), Some(count), "{}", world.body);
}

#[then(expr = "the answer has a/an {string}")]
fn has_part(world: &mut World, path: String) {
    assert!(world.find(&path).is_some_and(|part| !part.is_null()), "{}", world.body);
}

#[then(expr = "the answer has no {string}")]
fn has_no_part(world: &mut World, path: String) {
    assert!(world.find(&path).is_none_or(Value::is_null), "{}", world.body);
}

#[when(expr = "I remember the answer's {string} as {string}")]
#[then(expr = "I remember the answer's {string} as {string}")]
fn remember(world: &mut World, path: String, name: String) {
    let value = match world.at(&path) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    world.remembered.insert(name, value);
}
