//! `POST …/reset`, `DELETE`, and what is tried again now.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestServer;

fn types(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn reset_goes_on_from_an_event() {
    let server = TestServer::start().await;
    let first = server.begin(json!({"type": "gate", "id": "g"})).await;
    server.post("/api/v1/workflows/g/signals/open", r#""ada""#).await.json(202);
    assert_eq!(server.result("g").await["result"], json!({"by": "ada"}));
    let path = "/api/v1/workflows/g/reset";
    let body = json!({
        "to_event_id": 2, "reason": "wrong name", "edits": [{"event_id": 2, "payload": "eve"}],
    });
    let second = server.post(path, body.to_string()).await.json(201);
    assert_eq!(second["workflow_id"], "g");
    assert_ne!(second["run_id"], first["run_id"]);
    assert_eq!(server.result("g").await["result"], json!({"by": "eve"}));

    // From an older run, named in the body; the signal comes again, or does not.
    let body = json!({"to_event_id": 1, "reason": "again", "run_id": first["run_id"]});
    server.post(path, body.to_string()).await.json(201);
    assert_eq!(server.result("g").await["result"], json!({"by": "ada"}));
    let page = server.get("/api/v1/workflows/g/history").await.json(200);
    assert_eq!(
        types(&page),
        ["workflow_started", "workflow_reset", "signal_received", "workflow_completed"]
    );
    assert_eq!(page["events"][1]["from_run_id"], first["run_id"]);
    let body = json!({"to_event_id": 1, "reason": "alone", "reapply_signals": false});
    let third = server.post(path, body.to_string()).await.json(201);
    server.get("/api/v1/workflows/g/result").await.json(202);
    let server = server.restart().await;
    let open = server.get("/api/v1/workflows/g").await.json(200);
    assert_eq!((&open["run_id"], &open["status"]), (&third["run_id"], &json!("running")));

    // A running run is terminated with the reason.
    let fourth = server.post(path, json!({"to_event_id": 1, "reason": "once more"}).to_string());
    fourth.await.json(201);
    let third = third["run_id"].as_str().unwrap();
    let old = server.get(&format!("/api/v1/workflows/g/result?run_id={third}")).await.json(200);
    assert_eq!(
        (&old["status"], &old["failure"]["message"]),
        (&json!("terminated"), &json!("once more"))
    );
}

#[tokio::test]
async fn resets_that_make_no_sense() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 2}})).await;
    server.result("c").await;
    let path = "/api/v1/workflows/c/reset";
    server.post(path, "{}").await.problem(400, "invalid_request");
    server.post(path, r#"{"to_event_id":"1"}"#).await.problem(400, "invalid_request");
    server.post(path, r#"{"to_event_id":1,"run_id":"no"}"#).await.problem(400, "invalid_request");
    for body in [
        json!({"to_event_id": 0}),
        json!({"to_event_id": 99}),
        json!({"to_event_id": 8}),
        json!({"to_event_id": 4, "edits": [{"event_id": 4}]}),
        json!({"to_event_id": 4, "edits": [{"event_id": 3, "result": 1}]}),
        json!({"to_event_id": 1, "input": {"steps": "many"}}),
        json!({"to_event_id": 4, "input": {"steps": 0}}),
    ] {
        server.post(path, body.to_string()).await.problem(422, "invalid_request");
    }
    let none = "/api/v1/workflows/none/reset";
    server.post(none, r#"{"to_event_id":1}"#).await.problem(404, "workflow_not_found");
    let key = [("idempotency-key", "k")];
    let reset = async |body: &'static str| server.send(Method::POST, path, &key, body).await;
    let once = reset(r#"{"to_event_id":4}"#).await.json(201);
    assert_eq!(reset(r#"{"to_event_id":4}"#).await.json(201), once);
    reset(r#"{"to_event_id":1}"#).await.problem(409, "idempotency_conflict");
}

#[tokio::test]
async fn a_closed_run_is_deleted() {
    let server = TestServer::start().await;
    let path = "/api/v1/workflows/g";
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let delete = async |path: &'static str| server.send(Method::DELETE, path, &[], "").await;
    delete(path).await.problem(409, "workflow_open");
    server.post("/api/v1/workflows/g/signals/open", "1").await.json(202);
    server.result("g").await;
    assert_eq!(delete(path).await.status, 204);
    delete(path).await.problem(404, "workflow_not_found");
    server.get(path).await.problem(404, "workflow_not_found");
    let page = server.get("/api/v1/workflows").await.json(200);
    assert_eq!(page["workflows"], json!([]));
    // The id is free again.
    server.begin(json!({"type": "gate", "id": "g"})).await;
}

#[tokio::test]
async fn what_waits_for_its_next_try_is_tried_now() {
    let server = TestServer::start_with_manual_clock().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let path = |call: &str| format!("/api/v1/workflows/g/{call}");
    server.post(&path("activities/1/retry"), "").await.problem(404, "activity_not_found");
    server.post(&path("activities/x/retry"), "").await.problem(400, "invalid_request");
    server.post(&path("task/retry"), "").await.problem(409, "task_not_failed");
    server.begin(json!({"type": "flaky", "id": "f", "input": 1})).await;
    // The manual clock stands still: by itself the second attempt would never start.
    let waiting = async || {
        let run = server.get("/api/v1/workflows/f").await.json(200);
        run["pending_activities"][0]["state"] == "backing_off"
    };
    while !waiting().await {
        server.get("/api/v1/workflows/f/history?from=4&follow_ms=1000").await.json(200);
    }
    server.post("/api/v1/workflows/f/activities/1/retry", "").await.json(202);
    assert_eq!(server.result("f").await["result"], 2);
}
