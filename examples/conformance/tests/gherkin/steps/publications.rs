//! Announcements, deliveries, and appends that have to happen.

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::patience::Patience;
use crate::world::World;

async fn event(world: &mut World, stream: &str, event_type: &str, what: &str) -> Value {
    let body = json!({
        "expected_version": "any", "events": [{ "type": event_type, "data": { "what": what } }],
    });
    let path = format!("/api/v1/streams/{stream}/events");
    world.call(Method::POST, &path, Some(&body.to_string())).await;
    assert_eq!(world.status, 200, "{}", world.body);
    world.body.clone()
}

#[when(expr = "{string} breaks")]
async fn breaks(world: &mut World, what: String) {
    event(world, "Repairs%3A1", "Broke", &what).await;
}

#[when(expr = "{string} is mended")]
async fn mended(world: &mut World, what: String) {
    event(world, "Repairs%3A1", "Mended", &what).await;
}

#[when("something is announced")]
async fn announced(world: &mut World) {
    event(world, "News%3A1", "Announced", "news").await;
}

async fn publication(world: &mut World, target: &str) -> Value {
    world.call(Method::GET, &format!("/api/v1/publications?target={target}"), None).await;
    world.body["publications"][0].clone()
}

#[then(expr = "what was announced to {string} becomes {string} after {int} attempt(s)")]
async fn becomes(world: &mut World, target: String, status: String, attempts: u64) {
    let mut found = Value::Null;
    let patience = Patience::begin();
    while patience.lasts() {
        found = publication(world, &target).await;
        if found["status"] == status.as_str() && found["attempt_count"] == attempts {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{found}");
}

#[when(expr = "what was announced to {string} fails until it is given up")]
async fn given_up(world: &mut World, target: String) {
    let patience = Patience::begin();
    while patience.lasts() {
        if publication(world, &target).await["status"] == "dead_letter" {
            return;
        }
        world.api.post("/test/clock/advance", &json!({ "ms": 500 })).await.expect(200);
    }
    panic!("{}", world.body);
}

#[then(expr = "{string} was told once")]
async fn told_once(world: &mut World, target: String) {
    world.call(Method::GET, &format!("/api/v1/streams/Inbox%3A{target}/events"), None).await;
    assert_eq!(world.body["events"].as_array().map(Vec::len), Some(1), "{}", world.body);
}

async fn letters(world: &mut World, filter: &str) -> Vec<Value> {
    world.call(Method::GET, &format!("/api/v1/dead-letters?{filter}"), None).await;
    world.body["dead_letters"].as_array().cloned().unwrap()
}

#[then(expr = "there is/are {int} {string} dead letter(s) of kind {string} for {string}")]
async fn how_many(world: &mut World, count: u64, status: String, kind: String, target: String) {
    let filter = format!("status={status}&kind={kind}&target={target}");
    let mut found = Vec::new();
    let patience = Patience::begin();
    while patience.lasts() {
        found = letters(world, &filter).await;
        if found.len() as u64 == count {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(found.len() as u64, count, "{found:?}");
    world.call(Method::GET, "/api/v1/dead-letters/stats", None).await;
    let figures = world.body["figures"].as_array().unwrap().iter();
    let figures = figures.filter(|one| {
        one["status"] == status.as_str()
            && one["kind"] == kind.as_str()
            && one["target"] == target.as_str()
    });
    assert_eq!(figures.filter_map(|one| one["count"].as_u64()).sum::<u64>(), count);
}

async fn decide(world: &mut World, verb: &str, body: &Value) {
    let pending = letters(world, "status=pending").await;
    assert_eq!(pending.len(), 1, "{pending:?}");
    let id = pending[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/dead-letters/{id}/{verb}");
    world.call(Method::POST, &path, Some(&body.to_string())).await;
    assert_eq!(world.status, 200, "{}", world.body);
}

#[when("the dead letter is retried")]
async fn retried(world: &mut World) {
    decide(world, "retry", &json!({})).await;
}

#[when(expr = "the dead letter is ignored because {string}")]
async fn ignored(world: &mut World, reason: String) {
    decide(world, "ignore", &json!({ "reason": reason })).await;
}

#[when(expr = "{string} is to be appended durably as {string}")]
async fn durably(world: &mut World, event_type: String, key: String) {
    let append =
        json!({ "expected_version": "any", "events": [{ "type": event_type, "data": {} }] });
    let body = json!({ "stream": "Durable:1", "idempotency_key": key, "append": append });
    world.call(Method::POST, "/api/v1/durable-appends", Some(&body.to_string())).await;
    assert_eq!(world.status, 202, "{}", world.body);
}

async fn stream(world: &mut World) -> String {
    world.call(Method::GET, "/api/v1/streams/Durable%3A1/events", None).await;
    let events = world.body["events"].as_array().cloned().unwrap_or_default();
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    types.join(", ")
}

#[then("the stream has no events")]
async fn is_empty(world: &mut World) {
    assert_eq!(stream(world).await, "");
}

#[when(expr = "time passes until the stream has {string}")]
async fn until_stream(world: &mut World, types: String) {
    let mut found = String::new();
    let patience = Patience::begin();
    while patience.lasts() {
        found = stream(world).await;
        if found == types {
            return;
        }
        world.api.post("/test/clock/advance", &json!({ "ms": 500 })).await.expect(200);
    }
    panic!("{found}");
}

#[when(expr = "time passes until there is {int} dead letter of kind {string}")]
async fn until_letter(world: &mut World, count: usize, kind: String) {
    let patience = Patience::begin();
    while patience.lasts() {
        if letters(world, &format!("kind={kind}")).await.len() == count {
            return;
        }
        world.api.post("/test/clock/advance", &json!({ "ms": 500 })).await.expect(200);
    }
    panic!("{}", world.body);
}
