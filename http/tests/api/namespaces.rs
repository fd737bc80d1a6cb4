//! `/api/v1/namespaces`, and `?namespace=` everywhere.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestServer;

const ROOT: &str = "/api/v1/namespaces";

#[tokio::test]
async fn they_share_nothing() {
    let server = TestServer::start().await;
    server.post(ROOT, r#"{"name":"a"}"#).await.json(201);
    server.post(ROOT, r#"{"name":"b"}"#).await.json(201);
    let mut runs = Vec::new();
    for space in ["a", "b", "default"] {
        let path = format!("/api/v1/workflows?namespace={space}");
        let body = json!({"type": "gate", "id": "g", "search_attributes": {"tier": "gold"}});
        let key = [("idempotency-key", "k")];
        let reply = server.send(Method::POST, &path, &key, body.to_string()).await.json(201);
        runs.push(reply["run_id"].as_str().unwrap().to_owned());
    }
    let server = server.restart().await;
    server.post("/api/v1/workflows/g/signals/open?namespace=a", "1").await.json(202);
    let result = "/api/v1/workflows/g/result?wait_ms=30000&namespace=a";
    assert_eq!(server.get(result).await.json(200)["status"], "completed");
    for (space, status) in [("a", "completed"), ("b", "running"), ("default", "running")] {
        let run = server.get(&format!("/api/v1/workflows/g?namespace={space}")).await.json(200);
        assert_eq!((&run["status"], &run["namespace"]), (&json!(status), &json!(space)));
        let page = server.get(&format!("/api/v1/workflows?namespace={space}")).await.json(200);
        assert_eq!(page["workflows"].as_array().unwrap().len(), 1);
    }
    let crossed = format!("/api/v1/workflows/g?namespace=a&run_id={}", runs[1]);
    server.get(&crossed).await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn an_unknown_one_is_404_on_every_route() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    for path in ["", "/g", "/g/result", "/g/history", "/g/events"] {
        let path = format!("/api/v1/workflows{path}?namespace=none");
        server.get(&path).await.problem(404, "namespace_not_found");
    }
    for call in [
        "",
        "/g/cancel",
        "/g/terminate",
        "/g/pause",
        "/g/resume",
        "/g/signals/open",
        "/g/queries/status",
        "/g/task/retry",
        "/g/activities/1/retry",
    ] {
        let path = format!("/api/v1/workflows{call}?namespace=none");
        let body = if call.is_empty() { r#"{"type":"gate"}"# } else { "" };
        server.post(&path, body).await.problem(404, "namespace_not_found");
    }
    let reset = "/api/v1/workflows/g/reset?namespace=none";
    server.post(reset, r#"{"to_event_id":1}"#).await.problem(404, "namespace_not_found");
    let delete = "/api/v1/workflows/g?namespace=none";
    let reply = server.send(Method::DELETE, delete, &[], "").await;
    reply.problem(404, "namespace_not_found");
}

#[tokio::test]
async fn they_are_made_changed_and_deleted() {
    let server = TestServer::start().await;
    let made = server.post(ROOT, r#"{"name":"a","retention_ms":60000}"#).await.json(201);
    assert_eq!((&made["name"], &made["retention_ms"]), (&json!("a"), &json!(60_000)));
    server.post(ROOT, r#"{"name":"a"}"#).await.problem(409, "namespace_already_exists");
    for bad in [r#"{"name":""}"#, r#"{"name":"a b"}"#, r#"{"name":"a/b"}"#, r#"{"name":5}"#, "{}"] {
        server.post(ROOT, bad).await.problem(400, "invalid_request");
    }
    let one = format!("{ROOT}/a");
    let put = server.send(Method::PUT, &one, &[], r#"{"description":"tests"}"#).await.json(200);
    assert_eq!((&put["description"], put.get("retention_ms")), (&json!("tests"), None));
    let server = server.restart().await;
    let all = server.get(ROOT).await.json(200);
    let names: Vec<&Value> =
        all["namespaces"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["a", "default"]);
    assert_eq!(server.get(&one).await.json(200)["description"], "tests");
    assert_eq!(server.send(Method::DELETE, &one, &[], "").await.status, 204);
    server.get(&one).await.problem(404, "namespace_not_found");
    let default = server.send(Method::DELETE, &format!("{ROOT}/default"), &[], "").await;
    default.problem(409, "namespace_not_empty");
}
