//! Rebuilds of projections, and events that their code refuses.

use std::time::{Duration, Instant};

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::checkpoints::until_current;
use crate::world::World;

/// More than any of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events of one append.
const AT_ONCE: u64 = 500;

/// Notes about accounts, in turns; each holds its number within the scenario.
#[given(expr = "{int} notes about {int} accounts")]
async fn some_notes(world: &mut World, notes: u64, accounts: u64) {
    let path = world.scoped("/api/v1/streams/Notes%3Aall/events");
    let mut number = 0;
    while number < notes {
        let upto = (number + AT_ONCE).min(notes);
        let events: Vec<Value> = (number..upto)
            .map(|number| {
                let tag = format!("account:account-{}", number % accounts);
                json!({"type": "EntryNoted", "data": {"text": format!("{number};")}, "tags": [tag]})
            })
            .collect();
        world
            .api
            .post(&path, &json!({ "expected_version": "any", "events": events }))
            .await
            .expect(200);
        number = upto;
    }
}

#[given(expr = "a garbled note about account {int}")]
#[when(expr = "a garbled note about account {int}")]
async fn garbled(world: &mut World, account: u64) {
    let path = world.scoped("/api/v1/streams/Notes%3Aall/events");
    let data = json!({ "text": "garbled;", "garbled": true });
    let tags = [format!("account:account-{account}")];
    let event = json!({ "type": "EntryNoted", "data": data, "tags": tags });
    world
        .api
        .post(&path, &json!({ "expected_version": "any", "events": [event] }))
        .await
        .expect(200);
}

#[when(expr = "the code of {string} is mended")]
async fn mended(world: &mut World, _projection: String) {
    let path = world.scoped("/api/v1/workflows?wait_ms=30000");
    let answer = world.api.post(&path, &json!({ "type": "mend_notes" })).await.expect(201);
    assert_eq!(answer["status"], "completed", "{answer}");
}

/// The rebuild of a projection as it is shown.
async fn shown(world: &World, name: &str) -> Value {
    let path = world.scoped(&format!("/api/v1/projections/{name}/rebuild"));
    world.api.get(&path).await.expect(200)
}

#[when(expr = "the rebuild of {string} ends")]
#[then(expr = "the rebuild of {string} ends")]
async fn ends(world: &mut World, name: String) {
    let begun = Instant::now();
    loop {
        let now = shown(world, &name).await;
        if !["running", "paused"].contains(&now["status"].as_str().unwrap()) {
            world.body = now;
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{now}");
    }
}

#[when(expr = "{string} is rebuilt while the server is killed {int} times")]
async fn rebuilt_and_killed(world: &mut World, name: String, kills: u64) {
    until_current(&world.api, &world.namespace, &name).await;
    let path = world.scoped(&format!("/api/v1/projections/{name}/rebuild"));
    world.api.post(&path, &json!({})).await.expect(202);
    let (mut last, mut met) = (0, 0);
    for kill in 0..kills {
        // Some at once, some a little further.
        for _ in 0..=kill % 3 {
            let now = shown(world, &name).await;
            let events = now["events_processed"].as_u64().unwrap();
            assert!(events >= last, "it went back from {last} to {events}");
            met += u64::from(now["status"] == "running" && events > last);
            last = events;
        }
        world.kill_and_start().await;
    }
    assert!(met > 0, "it was over before it was killed");
    ends(world, name).await;
}

#[then(expr = "the notes of {int} accounts hold {int} notes in order")]
async fn in_order(world: &mut World, accounts: u64, notes: u64) {
    let rows = rows(world).await;
    assert_eq!(rows.len() as u64, accounts);
    for row in rows {
        let account: u64 =
            row["key"].as_str().unwrap().strip_prefix("account-").unwrap().parse().unwrap();
        let expected: String = (0..notes)
            .filter(|note| note % accounts == account)
            .map(|note| format!("{note};"))
            .collect();
        assert_eq!(row["state"]["all"], expected);
    }
}

async fn rows(world: &World) -> Vec<Value> {
    let path = world.scoped("/api/v1/projections/accountNotes/rows?page_size=100");
    let mut page = world.api.get(&path).await.expect(200);
    serde_json::from_value(page["rows"].take()).unwrap()
}

#[when(expr = "{string} is rebuilt {int} times while somebody reads all of its rows")]
async fn rebuilt_and_read(world: &mut World, name: String, times: u64) {
    until_current(&world.api, &world.namespace, &name).await;
    let mut readings = Vec::new();
    for _ in 0..times {
        let path = world.scoped(&format!("/api/v1/projections/{name}/rebuild"));
        world.api.post(&path, &json!({})).await.expect(202);
        loop {
            let rows = rows(world).await;
            let notes: u64 = rows.iter().map(|row| row["state"]["count"].as_u64().unwrap()).sum();
            readings.push(json!([rows.len(), notes]));
            if shown(world, &name).await["status"] == "completed" {
                break;
            }
        }
    }
    world.body = json!({ "readings": readings });
}

#[then(expr = "every reading held {int} accounts with {int} notes")]
fn every_reading(world: &mut World, accounts: u64, notes: u64) {
    let readings = world.body["readings"].as_array().unwrap();
    assert!(!readings.is_empty());
    for reading in readings {
        assert_eq!(*reading, json!([accounts, notes]));
    }
}

#[then(expr = "{int} event(s) of {string} is/are quarantined")]
async fn quarantined(world: &mut World, count: usize, name: String) {
    let path = format!("/api/v1/projections/{name}/quarantine");
    let begun = Instant::now();
    loop {
        world.call(Method::GET, &path, None).await;
        if world.body["quarantined"].as_array().map(Vec::len) == Some(count) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", world.body);
    }
}

#[then(expr = "{string} is current")]
async fn current(world: &mut World, name: String) {
    world.body = until_current(&world.api, &world.namespace, &name).await;
}
