//! `POST …/signals/{name}`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

async fn signal_with_key(server: &TestServer, name: &str, key: &str, body: &str) -> Reply {
    let path = format!("/api/v1/workflows/g/signals/{name}");
    server.send(Method::POST, &path, &[("idempotency-key", key)], body.to_owned()).await
}

/// The payloads of all signals that the run received.
async fn received(server: &TestServer, id: &str) -> Vec<Value> {
    let page = server.get(&format!("/api/v1/workflows/{id}/history")).await.json(200);
    let events = page["events"].as_array().unwrap();
    let signals = events.iter().filter(|event| event["type"] == "signal_received");
    signals.map(|event| event["payload"].clone()).collect()
}

#[tokio::test]
async fn any_json_is_a_payload_and_nothing_is_null() {
    let server = TestServer::start().await;
    for (body, payload) in [
        ("", "null"),
        (" \n", "null"),
        ("null", "null"),
        ("1e999", "1e999"),
        (" [1, 2]\n", "[1, 2]"),
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
    ] {
        let started = server.begin(json!({"type": "gate"})).await;
        let id = started["workflow_id"].as_str().unwrap();
        server.post(&format!("/api/v1/workflows/{id}/signals/open"), body).await.json(202);
        let path = format!("/api/v1/workflows/{id}/result?wait_ms=30000");
        let result = server.get(&path).await.text();
        assert!(result.contains(&format!(r#"{{"by":{payload}}}"#)), "{body}: {result}");
    }
}

#[tokio::test]
async fn signals_that_nobody_waits_for_are_kept() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for name in ["later", "with%20space", "%2F", ".."] {
        server.post(&format!("/api/v1/workflows/g/signals/{name}"), "1").await.json(202);
    }
    assert_eq!(received(&server, "g").await.len(), 4);
}

#[tokio::test]
async fn refuses_what_it_cannot_deliver() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let path = "/api/v1/workflows/g/signals";
    server.post(&format!("{path}/open"), "{").await.problem(400, "malformed_json");
    server.post(&format!("{path}/open"), "1 2").await.problem(400, "malformed_json");
    server.post(&format!("{path}/open"), &b"\"\xff\""[..]).await.problem(400, "malformed_json");
    server.post(&format!("{path}/add"), r#""one""#).await.problem(422, "invalid_request");
    for name in ["%00", "%ff", "%", &"n".repeat(513)] {
        server.post(&format!("{path}/{name}"), "1").await.problem(400, "invalid_request");
    }
    server
        .post("/api/v1/workflows/ghost/signals/open", "1")
        .await
        .problem(404, "workflow_not_found");
    assert_eq!(received(&server, "g").await, Vec::<Value>::new());

    server.post(&format!("{path}/open"), "1").await.json(202);
    server.result("g").await;
    server.post(&format!("{path}/open"), "2").await.problem(409, "workflow_closed");
    assert_eq!(received(&server, "g").await, [json!(1)]);
}

#[tokio::test]
async fn a_repeated_signal_is_received_once() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for _ in 0..3 {
        signal_with_key(&server, "add", "k", "5").await.json(202);
    }
    signal_with_key(&server, "add", "k", "6").await.problem(409, "idempotency_conflict");
    signal_with_key(&server, "other", "k", "5").await.problem(409, "idempotency_conflict");
    signal_with_key(&server, "add", "other", "5").await.json(202);
    assert_eq!(received(&server, "g").await, [json!(5), json!(5)]);

    let server = server.restart().await;
    signal_with_key(&server, "add", "k", "5").await.json(202);
    server.post("/api/v1/workflows/g/signals/open", "1").await.json(202);
    server.result("g").await;
    signal_with_key(&server, "add", "k", "5").await.json(202);
    signal_with_key(&server, "add", "fresh", "5").await.problem(409, "workflow_closed");
    assert_eq!(received(&server, "g").await, [json!(5), json!(5), json!(1)]);
}
