//! `POST …/cancel` and `POST …/terminate`.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn cancel_lets_the_run_end_in_its_own_way() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    server.post("/api/v1/workflows/g/cancel", "").await.json(202);
    assert_eq!(server.result("g").await["status"], "cancelled");
    let history = server.get("/api/v1/workflows/g/history").await.text();
    assert!(history.contains("workflow_cancel_requested"), "{history}");
    assert!(history.contains("workflow_cancelled"), "{history}");
    server.post("/api/v1/workflows/g/cancel", "").await.problem(409, "workflow_closed");
    server.post("/api/v1/workflows/x/cancel", "").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn terminate_ends_it_at_once() {
    let server = TestServer::start().await;
    for (id, body, reason) in [
        ("a", r#"{"reason":"enough \u2764"}"#, "enough ❤"),
        ("b", "", ""),
        ("c", "{}", ""),
        ("d", r#"{"reason":null}"#, ""),
    ] {
        server.begin(json!({"type": "gate", "id": id})).await;
        server.post(&format!("/api/v1/workflows/{id}/terminate"), body).await.json(202);
        assert_eq!(server.result(id).await["status"], "terminated");
        let page = server.get(&format!("/api/v1/workflows/{id}/history")).await.json(200);
        let last = page["events"].as_array().unwrap().last().unwrap();
        assert_eq!(last["type"], "workflow_terminated");
        assert_eq!(last["reason"], reason);
    }
    server.post("/api/v1/workflows/a/terminate", "").await.problem(409, "workflow_closed");
    server.post("/api/v1/workflows/x/terminate", "").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_refused_terminate_ends_nothing() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let path = "/api/v1/workflows/g/terminate";
    server.post(path, "{").await.problem(400, "malformed_json");
    let detail = server.post(path, r#"{"reason":5}"#).await.problem(400, "invalid_request");
    assert!(detail.contains("reason"), "{detail}");
    server.post(path, "[]").await.problem(400, "invalid_request");
    server.get("/api/v1/workflows/g/result").await.json(202);
}

#[tokio::test]
async fn one_run_is_chosen_by_its_id() {
    let server = TestServer::start().await;
    let first = server.begin(json!({"type": "gate", "id": "g"})).await;
    let again = json!({"type": "gate", "id": "g", "id_reuse": "terminate_if_running"});
    let second = server.begin(again).await;
    for call in ["cancel", "terminate", "signals/open"] {
        let path = |run: &serde_json::Value| {
            format!("/api/v1/workflows/g/{call}?run_id={}", run["run_id"].as_str().unwrap())
        };
        server.post(&path(&first), "").await.problem(409, "workflow_closed");
        let bad = format!("/api/v1/workflows/g/{call}?run_id=no");
        server.post(&bad, "").await.problem(400, "invalid_request");
    }
    server.get("/api/v1/workflows/g/result").await.json(202);
    let path =
        format!("/api/v1/workflows/g/signals/open?run_id={}", second["run_id"].as_str().unwrap());
    server.post(&path, "").await.json(202);
    server.result("g").await;
}
