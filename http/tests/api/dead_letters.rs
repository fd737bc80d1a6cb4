//! Dead letters over HTTP: lists, figures, what is decided, and that a restart changes nothing.

use axum::http::Method;
use everstep::dead_letters::{self, NewDeadLetter};
use everstep::{ActivityError, DEFAULT_NAMESPACE};
use serde_json::json;

use crate::support::TestServer;
use crate::worker::LETTERS;

async fn give_up(server: &TestServer, source: &'static str, target: &'static str) -> String {
    let recorded = server.engine.transact(DEFAULT_NAMESPACE, move |tx| {
        let why = ActivityError::new("no_such_street", "no such street");
        dead_letters::record(tx, NewDeadLetter::new(LETTERS, source, target).failure(&why))
    });
    recorded.await.unwrap().id
}

#[tokio::test]
async fn somebody_decides() {
    let server = TestServer::start().await;
    let oslo = give_up(&server, "a", "Oslo").await;
    let bergen = give_up(&server, "b", "Bergen").await;
    let all = server.get("/api/v1/dead-letters?status=pending").await.json(200);
    assert_eq!(all["dead_letters"].as_array().unwrap().len(), 2, "{all}");

    let path = format!("/api/v1/dead-letters/{oslo}");
    let tried = server.post(&format!("{path}/retry"), "").await.json(200);
    assert_eq!((&tried["status"], &tried["retries"]), (&json!("resolved"), &json!(1)));
    assert_eq!(tried["decided_by"], "local");
    let again = server.post(&format!("{path}/retry"), "").await;
    assert!(again.problem(409, "DEAD_LETTER_NOT_PENDING").contains("is resolved"));

    let path = format!("/api/v1/dead-letters/{bergen}");
    let tried = server.post(&format!("{path}/retry"), "").await.json(200);
    assert_eq!(tried["status"], "pending");
    assert_eq!(tried["last_error"], "no such street here either");
    server.post(&format!("{path}/ignore"), "{}").await.problem(422, "REASON_REQUIRED");
    let body = r#"{"reason": "moved"}"#;
    let ignored = server.post(&format!("{path}/ignore"), body).await.json(200);
    assert_eq!((&ignored["status"], &ignored["reason"]), (&json!("ignored"), &json!("moved")));

    let server = server.restart().await;
    assert_eq!(server.get(&path).await.json(200), ignored);
    let stats = server.get("/api/v1/dead-letters/stats").await.json(200);
    let figure = |status: &str, target: &str| json!({ "kind": "letter", "status": status, "target": target, "count": 1 });
    let figures = [figure("ignored", "Bergen"), figure("resolved", "Oslo")];
    assert_eq!(stats, json!({ "pending": 0, "figures": figures }));
    let page = server.get("/api/v1/dead-letters?target=Oslo&page_size=1").await.json(200);
    assert_eq!(page["dead_letters"][0]["id"], oslo);
    let more = format!("/api/v1/dead-letters?target=Oslo&page_token={oslo}");
    assert_eq!(server.get(&more).await.json(200), json!({ "dead_letters": [] }));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    server.get("/api/v1/dead-letters/none").await.problem(404, "DEAD_LETTER_NOT_FOUND");
    for verb in ["retry", "ignore"] {
        let path = format!("/api/v1/dead-letters/none/{verb}");
        server.post(&path, r#"{"reason": "x"}"#).await.problem(404, "DEAD_LETTER_NOT_FOUND");
    }
    server.get("/api/v1/dead-letters?status=lost").await.problem(400, "invalid_request");
    let path = "/api/v1/dead-letters?status=pending&page_token=resolved/letter/1";
    let refusal = server.get(path).await.problem(400, "invalid_request");
    assert!(refusal.contains("`resolved/letter/1` is not one of this list"), "{refusal}");
    let path = "/api/v1/dead-letters/none";
    server.send(Method::DELETE, path, &[], "").await.problem(405, "method_not_allowed");
}
