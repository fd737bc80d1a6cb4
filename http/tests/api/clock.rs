//! `POST /test/clock/advance`.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn moves_time_and_what_waits_for_it() {
    let server = TestServer::start_with_manual_clock().await;
    server.begin(json!({"type": "sleep", "id": "s", "input": {"ms": 86_400_000}})).await;
    let before = server.post("/test/clock/advance", r#"{"ms":0}"#).await.json(200);
    server.get("/api/v1/workflows/s/result").await.json(202);
    let after = server.post("/test/clock/advance", r#"{"ms":86400000}"#).await.json(200);
    assert!(after["now"].as_str().unwrap() > before["now"].as_str().unwrap());
    assert_eq!(server.result("s").await["result"], json!({"ms": 86_400_000}));
}

#[tokio::test]
async fn refuses_to_go_back() {
    let server = TestServer::start_with_manual_clock().await;
    for body in [r#"{"ms":-1}"#, r#"{"ms":"1"}"#, r#"{"ms":1.5}"#, "{}", "[]", r#"{"ms":null}"#] {
        server.post("/test/clock/advance", body).await.problem(400, "invalid_request");
    }
    server.post("/test/clock/advance", "").await.problem(400, "malformed_json");
}

#[tokio::test]
async fn is_not_there_on_the_machines_clock() {
    let server = TestServer::start().await;
    server.post("/test/clock/advance", r#"{"ms":1}"#).await.problem(404, "route_not_found");
}
