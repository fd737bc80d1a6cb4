//! `POST …/pause` and `POST …/resume`.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn a_paused_run_is_paused_everywhere() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    server.post("/api/v1/workflows/g/pause", r#"{"reason":"a look"}"#).await.json(202);
    server.post("/api/v1/workflows/g/pause", "").await.json(202);
    let result = server.get("/api/v1/workflows/g/result?wait_ms=1").await.json(202);
    assert_eq!(result, json!({"status": "paused"}));
    assert_eq!(server.get("/api/v1/workflows/g").await.json(200)["status"], "paused");
    for (status, found) in [("paused", 1), ("running", 0)] {
        let page = server.get(&format!("/api/v1/workflows?status={status}")).await.json(200);
        assert_eq!(page["workflows"].as_array().unwrap().len(), found, "{page}");
    }
    let again = json!({"type": "gate", "id": "g"});
    server
        .post("/api/v1/workflows", again.to_string())
        .await
        .problem(409, "workflow_already_running");
    let existing = json!({"type": "gate", "id": "g", "on_conflict": "use_existing"});
    let found = server.post("/api/v1/workflows?wait_ms=1", existing.to_string()).await.json(200);
    assert_eq!((&found["started"], &found["status"]), (&json!(false), &json!("paused")));

    // A signal is taken, and acted on at resume.
    server.post("/api/v1/workflows/g/signals/open", r#""ada""#).await.json(202);
    server.get("/api/v1/workflows/g/result").await.json(202);
    let server = server.restart().await;
    assert_eq!(server.get("/api/v1/workflows/g/result").await.json(202)["status"], "paused");
    server.post("/api/v1/workflows/g/resume", "").await.json(202);
    assert_eq!(server.result("g").await["result"], json!({"by": "ada"}));
    let page = server.get("/api/v1/workflows/g/history").await.json(200);
    let names: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(
        names,
        [
            "workflow_started",
            "workflow_paused",
            "signal_received",
            "workflow_resumed",
            "workflow_completed"
        ]
    );
    assert_eq!(page["events"][1]["reason"], "a look");
}

#[tokio::test]
async fn refusals() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "echo", "id": "e"})).await;
    server.result("e").await;
    for call in ["pause", "resume"] {
        let path = |id: &str| format!("/api/v1/workflows/{id}/{call}");
        server.post(&path("e"), "").await.problem(409, "workflow_closed");
        server.post(&path("none"), "").await.problem(404, "workflow_not_found");
        server.post(&path(".."), "").await.problem(422, "invalid_request");
    }
    server.begin(json!({"type": "gate", "id": "g"})).await;
    server.post("/api/v1/workflows/g/pause", "{").await.problem(400, "malformed_json");
    server.post("/api/v1/workflows/g/resume", "").await.json(202);
    assert_eq!(server.get("/api/v1/workflows/g").await.json(200)["status"], "running");
}
