//! Rows of an older shape over HTTP: how far they are taken along, what holds them up, and when
//! they go on.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{PATIENCE, TestServer};
use crate::travel;

const RUN: &str = "/api/v1/workflows/everstep.migration%3Atravel%2Fvisits-by-city";

async fn call(server: &TestServer, function: &str, input: Value) -> Value {
    let path = format!("/api/v1/contexts/travel/functions/{function}");
    server.post(&path, input.to_string()).await.json(200)
}

/// The one migration, once `holds` is true of it.
async fn shown(server: &TestServer, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = server.get("/api/v1/migrations").await.json(200);
        let [one] = &found["migrations"].as_array().unwrap()[..] else {
            panic!("one migration: {found}");
        };
        if holds(one) {
            return one.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{one}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn rows_are_taken_along_and_what_holds_them_up_is_told() {
    let server = TestServer::start_as(travel::first(), |_| {}).await;
    call(&server, "keep", json!([0, 250, "Oslo"])).await;
    call(&server, "keep", json!([250, 260, "Utopia"])).await;
    call(&server, "draw", json!("Oslo")).await;
    let none = server.get("/api/v1/migrations").await.json(200);
    assert_eq!(none, json!({ "migrations": [] }));

    // The first 200 go in one transaction, and those behind them wait for a city.
    let server = server.restart_as(travel::second()).await;
    let held = shown(&server, |one| one["error"].is_string()).await;
    let mut expected = json!({
        "context": "travel", "name": "visits-by-city", "table": "visits", "status": "running",
        "rows": 200, "error": "0250: no Utopia on the map",
        "workflowId": "everstep.migration:travel/visits-by-city",
    });
    expected["startedAt"] = held["startedAt"].clone();
    assert_eq!(held, expected);
    assert!(held["startedAt"].is_string(), "{held}");
    assert_eq!(call(&server, "count", json!(null)).await, json!([60, 200]));

    call(&server, "draw", json!("Utopia")).await;
    // It is tried again by itself.
    let ended = server.get(&format!("{RUN}/result?wait_ms=30000")).await.json(200);
    assert_eq!(ended["status"], "completed");
    let done = shown(&server, |_| true).await;
    assert_eq!((&done["status"], &done["rows"]), (&json!("completed"), &json!(260)), "{done}");
    assert!(done["endedAt"].is_string() && done.get("error").is_none(), "{done}");
    assert_eq!(call(&server, "count", json!(null)).await, json!([0, 260]));

    // What is over is not begun again.
    call(&server, "keep", json!([0, 1, "Oslo"])).await;
    let server = server.restart_as(travel::second()).await;
    assert_eq!(shown(&server, |_| true).await, done);
    assert_eq!(call(&server, "count", json!(null)).await, json!([1, 260]));
}

#[tokio::test]
async fn one_that_has_failed_says_why_and_goes_on_when_it_is_reset() {
    let server = TestServer::start_as(travel::first(), |_| {}).await;
    call(&server, "keep", json!([0, 200, "Oslo"])).await;
    call(&server, "keep", json!([200, 203, "Atlantis"])).await;
    call(&server, "draw", json!("Oslo")).await;
    let server = server.restart_as(travel::second()).await;
    let failed = shown(&server, |one| one["status"] == "failed").await;
    assert_eq!(failed["rows"], 200, "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("0200: no Atlantis on the map"), "{failed}");
    assert!(failed.get("endedAt").is_none(), "{failed}");

    // Another start of the server does not begin it anew.
    call(&server, "draw", json!("Atlantis")).await;
    let server = server.restart_as(travel::second()).await;
    assert_eq!(shown(&server, |_| true).await, failed);
    let reset = json!({ "to_event_id": 1, "reason": "Atlantis is on the map" });
    server.post(&format!("{RUN}/reset"), reset.to_string()).await.json(201);
    let done = shown(&server, |one| one["status"] == "completed").await;
    assert_eq!(done["rows"], 203, "{done}");
    assert_eq!(call(&server, "count", json!(null)).await, json!([0, 203]));
}
