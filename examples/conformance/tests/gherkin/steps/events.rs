//! Steps about the event log under load.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::Api;
use crate::world::World;

/// Where the server is now: it moves when it is killed.
#[derive(Clone)]
struct Somewhere(Arc<Mutex<Api>>);

impl Somewhere {
    /// Asks until somebody answers.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        loop {
            let api = self.0.lock().unwrap().clone();
            match api.call(method.clone(), path, body, None).await {
                Ok(answer) if answer.status == 200 => return answer.body,
                // It is being killed, or starts.
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

/// Writers append under keys while a reader follows; the server is killed under them.
#[when(
    expr = "{int} writers append {int} times each while a reader follows and the server is killed {int} times"
)]
async fn write_and_follow(world: &mut World, writers: u64, each: u64, kills: u64) {
    let total = writers * each;
    let server = Somewhere(Arc::new(Mutex::new(world.api.clone())));
    let namespace = world.namespace.clone();
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let (server, namespace) = (server.clone(), namespace.clone());
        tasks.spawn(async move {
            for version in 0..each {
                let path =
                    format!("/api/v1/streams/Writer%3A{writer}/events?namespace={namespace}");
                let body = json!({"expected_version": version, "events": [{
                    "type": "Written", "data": version, "tags": [format!("nth:{version}")],
                    "idempotency_key": format!("{writer}/{version}"),
                }]});
                let receipt = server.ask(Method::POST, &path, Some(&body)).await;
                assert_eq!(receipt["positions"].as_array().map(Vec::len), Some(1));
            }
        });
    }
    let (reader, in_namespace) = (server.clone(), namespace.clone());
    let mut following = tokio::spawn(async move {
        let mut seen: u64 = 0;
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        while seen < total {
            let path = format!(
                "/api/v1/events?after={seen}&page_size=1000&follow_ms=10000&namespace={in_namespace}"
            );
            let page = reader.ask(Method::GET, &path, None).await;
            for event in page["events"].as_array().unwrap() {
                seen += 1;
                assert_eq!(event["position"].as_u64(), Some(seen), "a position was skipped");
                let version = versions.entry(event["stream"].as_str().unwrap().into()).or_default();
                *version += 1;
                assert_eq!(event["version"].as_u64(), Some(*version));
            }
        }
        seen
    });
    for kill in 1..=kills {
        let at = total * kill / (kills + 1);
        let path = format!("/api/v1/events?after={at}&follow_ms=60000&namespace={namespace}");
        // However long that takes: the writers come to their end.
        while server.ask(Method::GET, &path, None).await["events"] == json!([]) {}
        world.kill_and_start().await;
        *server.0.lock().unwrap() = world.api.clone();
    }
    while let Some(writer) = tasks.join_next().await {
        writer.unwrap();
    }
    let seen = tokio::time::timeout(Duration::from_secs(600), &mut following).await;
    world.body = json!({ "written": total, "seen": seen.unwrap().unwrap() });
}

/// Every event stands once, in one order without a gap.
#[then("the reader has seen every event once, in order")]
fn seen_all(world: &mut World) {
    assert_eq!(world.body["seen"], world.body["written"]);
}
