//! `/api/v1/queues`, and what a held activity says of itself.

use axum::http::Method;
use serde_json::json;

use crate::support::TestServer;

const MAIL: &str = "/api/v1/queues/mail";

#[tokio::test]
async fn a_paused_queue_holds_back_and_says_so() {
    let server = TestServer::start().await;
    let declared = server.get(MAIL).await.json(200);
    assert_eq!(declared["limits"]["concurrency"], 2);
    assert_eq!((&declared["declared"], &declared["overridden"]), (&json!(true), &json!(false)));
    let set = server.send(Method::PUT, MAIL, &[], r#"{"paused": true}"#).await.json(200);
    assert_eq!((&set["limits"]["paused"], &set["overridden"]), (&json!(true), &json!(true)));

    server.begin(json!({"type": "mail", "id": "m"})).await;
    let described = server.get("/api/v1/workflows/m").await.json(200);
    let activity = &described["pending_activities"][0];
    assert_eq!((&activity["state"], &activity["queue"]), (&json!("scheduled"), &json!("mail")));
    assert_eq!(activity["held_by"]["rule"], "paused");
    let waiting_for = described["waiting_for"].as_str().unwrap();
    assert!(waiting_for.contains("task queue `mail` holds back"), "{waiting_for}");
    let listed = server.get("/api/v1/queues").await.json(200);
    let queues = listed["queues"].as_array().unwrap();
    let mail = queues.iter().find(|queue| queue["name"] == "mail").unwrap();
    assert_eq!(mail["waiting"], 1);

    // What was set holds over a restart, and so does the place in the queue.
    let server = server.restart().await;
    assert_eq!(server.get(MAIL).await.json(200)["limits"]["paused"], true);
    let reset = server.send(Method::DELETE, MAIL, &[], "").await.json(200);
    assert_eq!(reset["limits"]["concurrency"], 2);
    assert_eq!(server.result("m").await["status"], "completed");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let server = TestServer::start().await;
    server.get("/api/v1/queues/none").await.problem(404, "queue_not_found");
    let gone = server.send(Method::DELETE, "/api/v1/queues/none", &[], "").await;
    gone.problem(404, "queue_not_found");
    for (body, named) in [
        (r#"{"rate_per_s": 0}"#, "rate_per_s"),
        (r#"{"concurrency": 0}"#, "concurrency"),
        (r#"{"burst": 0}"#, "burst"),
        (r#"{"weights": {"gold": -1}}"#, "weights.gold"),
        (r#"{"concurrency": "many"}"#, "concurrency"),
        (r#"{"speed": 1}"#, "speed"),
    ] {
        let reply = server.send(Method::PUT, MAIL, &[], body).await;
        let detail = reply.problem(400, "invalid_request");
        assert!(detail.contains(named), "{body}: {detail}");
    }
    server.send(Method::PUT, MAIL, &[], "{").await.problem(400, "malformed_json");
    server.send(Method::PUT, "/api/v1/queues/%0a", &[], "{}").await.problem(400, "invalid_request");
    assert_eq!(server.get(MAIL).await.json(200)["overridden"], false);
}
