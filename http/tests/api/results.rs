//! `GET …/result` and `GET …/{id}`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::TestServer;

const NOBODY: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

#[tokio::test]
async fn an_open_run_is_202() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let running = json!({"status": "running"});
    assert_eq!(server.get("/api/v1/workflows/g/result").await.json(202), running);
    let begun = Instant::now();
    let waited = server.get("/api/v1/workflows/g/result?wait_ms=50").await.json(202);
    assert_eq!(waited, running);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_wait_ends_when_the_run_does() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let (result, _) = tokio::join!(
        server.get("/api/v1/workflows/g/result?wait_ms=60000000000"),
        server.post("/api/v1/workflows/g/signals/open", "true"),
    );
    assert_eq!(result.json(200), json!({"status": "completed", "result": {"by": true}}));
    server.begin(json!({"type": "fail", "id": "f"})).await;
    let failed = server.result("f").await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["failure"]["type"], "on_purpose");
}

#[tokio::test]
async fn results_survive_a_restart() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "chain", "id": "c", "input": {"steps": 3}})).await;
    let done = server.result("c").await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let server = server.restart().await;
    assert_eq!(server.result("c").await, done);
    server.post("/api/v1/workflows/g/signals/open", "9").await.json(202);
    assert_eq!(server.result("g").await["result"], json!({"by": 9}));
}

#[tokio::test]
async fn describes_what_a_run_waits_for() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g", "input": {"a": 1}})).await;
    let run = server.get("/api/v1/workflows/g").await.json(200);
    assert_eq!(run["type"], "gate");
    assert_eq!(run["status"], "running");
    assert_eq!(run["input"], json!({"a": 1}));
    assert_eq!(run["awaiting"][0]["kind"], "signal");
    assert_eq!(run["awaiting"][0]["name"], "open");
    assert_eq!(run["pending_activities"], json!([]));
    assert_eq!(run["pending_timers"], json!([]));
    assert_eq!(run["children"], json!([]));
    assert!(run["history_length"].as_u64().unwrap() >= 1);
    assert!(run["history_bytes"].as_u64().unwrap() >= 1);
    assert!(run["started_at"].as_str().unwrap().ends_with('Z'));
    assert!(run.get("closed_at").is_none() && run.get("result").is_none());

    server.begin(json!({"type": "sleep", "id": "s", "input": {"ms": 3_600_000}})).await;
    let run = server.get("/api/v1/workflows/s").await.json(200);
    assert_eq!(run["pending_timers"].as_array().unwrap().len(), 1);
    assert_eq!(run["awaiting"][0]["kind"], "timer");

    server.begin(json!({"type": "echo", "id": "e", "input": 5})).await;
    server.result("e").await;
    let run = server.get("/api/v1/workflows/e").await.json(200);
    assert_eq!((&run["status"], &run["result"]), (&json!("completed"), &json!(5)));
    assert!(run["closed_at"].is_string());
}

#[tokio::test]
async fn a_run_is_chosen_by_its_id() {
    let server = TestServer::start().await;
    let first = server.begin(json!({"type": "echo", "id": "r", "input": 1})).await;
    server.result("r").await;
    let again = json!({"type": "echo", "id": "r", "input": 2, "id_reuse": "allow_if_closed"});
    server.begin(again).await;
    assert_eq!(server.result("r").await["result"], 2);
    let first = first["run_id"].as_str().unwrap();
    for route in ["/result", "", "/history", "/events"] {
        let path = format!("/api/v1/workflows/r{route}?run_id=");
        let reply = server.get(&format!("{path}{first}")).await;
        assert_eq!(reply.status, 200, "{route}");
        assert!(reply.text().contains("1"), "{route}");
        server.get(&format!("{path}{NOBODY}")).await.problem(404, "workflow_not_found");
        for bad in ["", "x", "1234", "..", "%ff", "%00"] {
            server.get(&format!("{path}{bad}")).await.problem(400, "invalid_request");
        }
    }
    let path = format!("/api/v1/workflows/other?run_id={first}");
    server.get(&path).await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let server = TestServer::start().await;
    for route in
        ["", "/result", "/result?wait_ms=50", "/history", "/history?follow_ms=50", "/events"]
    {
        let path = format!("/api/v1/workflows/ghost{route}");
        let detail = server.get(&path).await.problem(404, "workflow_not_found");
        assert!(detail.contains("ghost"), "{detail}");
    }
}

#[tokio::test]
async fn refuses_a_bad_wait() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for wait in ["-1", "x", "", "1.0"] {
        let path = format!("/api/v1/workflows/g/result?wait_ms={wait}");
        server.get(&path).await.problem(400, "invalid_request");
    }
}
