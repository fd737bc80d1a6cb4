//! `POST …/queries/{name}`.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn answers_what_was_published_last() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let path = "/api/v1/workflows/g/queries/status";
    for body in ["", "null", r#"{"any": "argument"}"#] {
        assert_eq!(server.post(path, body).await.json(200), json!({"result": "waiting"}));
    }
    server.post("/api/v1/workflows/g/signals/open", "").await.json(202);
    server.result("g").await;
    assert_eq!(server.post(path, "").await.json(200), json!({"result": "open"}));
    let server = server.restart().await;
    assert_eq!(server.post(path, "").await.json(200), json!({"result": "open"}));
}

#[tokio::test]
async fn refuses_what_it_cannot_answer() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    server.post("/api/v1/workflows/g/queries/nothing", "").await.problem(404, "query_not_found");
    server.post("/api/v1/workflows/g/queries/status", "}").await.problem(400, "malformed_json");
    server.post("/api/v1/workflows/g/queries/%0a", "").await.problem(400, "invalid_request");
    server.post("/api/v1/workflows/x/queries/status", "").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_handler_answers_from_published_state_and_its_argument() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let path = "/api/v1/workflows/g/queries/is";
    assert_eq!(server.post(path, r#""waiting""#).await.json(200), json!({"result": true}));
    assert_eq!(server.post(path, r#""open""#).await.json(200), json!({"result": false}));
    let detail = server.post(path, "5").await.problem(422, "invalid_request");
    assert!(detail.contains("argument"), "{detail}");
    server.post("/api/v1/workflows/g/signals/open", "").await.json(202);
    server.result("g").await;
    let server = server.restart().await;
    assert_eq!(server.post(path, r#""open""#).await.json(200), json!({"result": true}));
    // It panics for this argument, and that is not the server's failure.
    server.post(path, r#""panic""#).await.problem(422, "invalid_request");
}
