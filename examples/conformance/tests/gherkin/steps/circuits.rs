//! Calls to services through their circuits.

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::patience::Patience;
use crate::world::World;

async fn start(world: &mut World, service: &str, does: &str) -> String {
    let body = json!({ "type": "guarded", "input": { "service": service, "does": does } });
    world.call(Method::POST, "/api/v1/workflows", Some(&body.to_string())).await;
    assert_eq!(world.status, 201, "{}", world.body);
    world.body["workflow_id"].as_str().unwrap().to_owned()
}

async fn result(world: &mut World, id: &str) -> Value {
    let path = format!("/api/v1/workflows/{id}/result?wait_ms=30000");
    world.call(Method::GET, &path, None).await;
    world.body.clone()
}

#[when(regex = r#"^(\d+) calls? to "([^"]+)" (work|fail|are declined)s?$"#)]
async fn calls(world: &mut World, count: usize, service: String, what: String) {
    let (does, status) = match what.as_str() {
        "work" => ("work", "completed"),
        "fail" => ("fail", "failed"),
        _ => ("refuse", "failed"),
    };
    for _ in 0..count {
        let id = start(world, &service, does).await;
        let ended = result(world, &id).await;
        assert_eq!(ended["status"], status, "{ended}");
        let open = ended["failure"]["type"].as_str().unwrap_or_default().starts_with("CIRCUIT");
        assert!(!open, "{ended}");
    }
}

#[when(regex = r#"^(\d+) calls to "([^"]+)" that (hang|fail) are made at once$"#)]
async fn at_once(world: &mut World, count: usize, service: String, does: String) {
    let body = json!({ "type": "guarded", "input": { "service": service, "does": does } });
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..count {
        calls.spawn(world.ask(Method::POST, "/api/v1/workflows", Some(&body.to_string())));
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

async fn circuit(world: &mut World, name: &str) -> Value {
    world.call(Method::GET, &format!("/api/v1/circuits/{name}"), None).await;
    world.body.clone()
}

async fn until(world: &mut World, name: &str, what: impl Fn(&Value) -> bool) -> Value {
    let patience = Patience::begin();
    while patience.lasts() {
        let found = circuit(world, name).await;
        if what(&found) {
            return found;
        }
        tokio::task::yield_now().await;
    }
    panic!("circuit `{name}` stays {}", world.body);
}

#[when(expr = "a call to {string} hangs")]
async fn hangs(world: &mut World, service: String) {
    start(world, &service, "hang").await;
    until(world, &service, |circuit| circuit["probe_run_id"].is_string()).await;
}

#[then(expr = "circuit {string} is {string} after {int} failure(s)")]
async fn is_now(world: &mut World, name: String, state: String, failures: u64) {
    let found = circuit(world, &name).await;
    assert_eq!((&found["state"], &found["failure_count"]), (&json!(state), &json!(failures)));
}

#[then(expr = "circuit {string} becomes {string}")]
async fn becomes(world: &mut World, name: String, state: String) {
    until(world, &name, |circuit| circuit["state"] == state.as_str()).await;
}

#[then(expr = "circuit {string} becomes {string} after {int} failure(s)")]
async fn becomes_after(world: &mut World, name: String, state: String, failures: u64) {
    until(world, &name, |circuit| circuit["failure_count"] == failures).await;
    is_now(world, name, state, failures).await;
}

#[then(expr = "a call to {string} is refused for another {int} ms")]
async fn refused(world: &mut World, service: String, left: u64) {
    let id = start(world, &service, "work").await;
    let ended = result(world, &id).await;
    let failure = &ended["failure"];
    assert_eq!(failure["type"], format!("CIRCUIT_OPEN:{service}"), "{ended}");
    assert_eq!(failure["retry_after_ms"], left, "{ended}");
}

async fn count(world: &mut World, filter: &str) -> u64 {
    world.call(Method::GET, &format!("/api/v1/workflow-counts?{filter}"), None).await;
    world.body["count"].as_u64().unwrap_or_else(|| panic!("{}", world.body))
}

#[then(expr = "{int} of them are refused by {string} and {int} is the probe")]
async fn one_probes(world: &mut World, refused: u64, service: String, probes: u64) {
    // Those that opened the circuit have failed, too.
    let before = 3;
    let patience = Patience::begin();
    while patience.lasts() {
        if count(world, "type=guarded&status=failed").await == refused + before {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(count(world, "type=guarded&status=failed").await, refused + before);
    assert_eq!(count(world, "type=guarded&status=running").await, probes);
    let found = circuit(world, &service).await;
    assert_eq!(found["state"], "half_open", "{found}");
    assert!(found["probe_run_id"].is_string(), "{found}");
}

#[then(expr = "the timers of {string} have fired {int} time(s)")]
async fn fired(world: &mut World, _name: String, times: u64) {
    let filter = "type=everstep.circuit_timer&status=completed";
    let patience = Patience::begin();
    while patience.lasts() {
        if count(world, filter).await == times {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} of the timers have fired", count(world, filter).await);
}
