//! `POST /api/v1/workflows`.

use axum::http::Method;
use serde_json::json;

use crate::support::{Reply, TestServer};

const WORKFLOWS: &str = "/api/v1/workflows";

async fn start_with_key(server: &TestServer, key: &str, body: &str) -> Reply {
    server.send(Method::POST, WORKFLOWS, &[("idempotency-key", key)], body.to_owned()).await
}

#[tokio::test]
async fn answers_the_run_that_it_started() {
    let server = TestServer::start().await;
    let started = server.begin(json!({"type": "echo", "id": "a", "input": [1]})).await;
    assert_eq!(started["workflow_id"], "a");
    assert_eq!(started["started"], true);
    assert!(started.get("status").is_none() && started.get("result").is_none());
    let run = server.get("/api/v1/workflows/a").await.json(200);
    assert_eq!(run["run_id"], started["run_id"]);
}

#[tokio::test]
async fn chooses_an_id_when_none_is_given() {
    let server = TestServer::start().await;
    for body in [json!({"type": "echo"}), json!({"type": "echo", "id": null})] {
        let id = server.begin(body).await["workflow_id"].as_str().unwrap().to_owned();
        assert_eq!(server.result(&id).await, json!({"status": "completed", "result": null}));
    }
}

#[tokio::test]
async fn waits_for_the_result() {
    let server = TestServer::start().await;
    let wait = format!("{WORKFLOWS}?wait_ms=30000");
    let body = r#"{"type":"echo","input":{"n":12345678901234567890.10,"s":"ä\u0000"}}"#;
    let reply = server.post(&wait, body).await;
    assert_eq!(reply.json(201)["status"], "completed");
    let text = reply.text();
    assert!(text.contains(r#""result":{"n":12345678901234567890.10,"s":"ä\u0000"}"#), "{text}");

    let failed = server.post(&wait, r#"{"type":"fail"}"#).await.json(201);
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["failure"]["type"], "on_purpose");
    assert_eq!(failed["failure"]["message"], "it failed on purpose");
    assert!(failed.get("result").is_none());

    let open = server.post("/api/v1/workflows?wait_ms=10", r#"{"type":"gate"}"#).await.json(201);
    assert_eq!(open["status"], "running");
    assert!(open.get("result").is_none());
    assert!(
        server.post("/api/v1/workflows?wait_ms=0", r#"{"type":"gate"}"#).await.json(201)["status"]
            .is_string()
    );
}

#[tokio::test]
async fn refuses_a_bad_wait() {
    let server = TestServer::start().await;
    for wait in ["-1", "x", "", "1.5", "1e3", "0x10", "%zz", "1&wait_ms=2"] {
        let path = format!("{WORKFLOWS}?wait_ms={wait}");
        server.post(&path, r#"{"type":"echo","id":"never"}"#).await.problem(400, "invalid_request");
    }
    server.get("/api/v1/workflows/never").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn id_policies() {
    let server = TestServer::start().await;
    let start = async |id: &str, kind: &str, more: &str| {
        let body = format!(r#"{{"type":"{kind}","id":"{id}"{more}}}"#);
        server.post(&format!("{WORKFLOWS}?wait_ms=0"), body).await
    };
    let first = start("open", "gate", "").await.json(201);

    let detail = start("open", "gate", "").await.problem(409, "workflow_already_running");
    assert!(detail.contains(first["run_id"].as_str().unwrap()), "{detail}");
    start("open", "gate", r#","id_reuse":"allow_if_closed""#)
        .await
        .problem(409, "workflow_already_running");
    let existing = start("open", "gate", r#","on_conflict":"use_existing""#).await.json(200);
    assert_eq!(existing["started"], false);
    assert_eq!(existing["run_id"], first["run_id"]);
    let second = start("open", "gate", r#","id_reuse":"terminate_if_running""#).await.json(201);
    assert_ne!(second["run_id"], first["run_id"]);
    let ended = format!("/api/v1/workflows/open?run_id={}", first["run_id"].as_str().unwrap());
    assert_eq!(server.get(&ended).await.json(200)["status"], "terminated");

    start("done", "echo", "").await.json(201);
    server.result("done").await;
    start("done", "echo", "").await.problem(409, "workflow_already_exists");
    start("done", "echo", r#","id_reuse":"allow_if_failed""#)
        .await
        .problem(409, "workflow_already_exists");
    start("done", "echo", r#","on_conflict":"use_existing""#)
        .await
        .problem(409, "workflow_already_exists");
    start("done", "fail", r#","id_reuse":"allow_if_closed""#).await.json(201);
    server.result("done").await;
    start("done", "echo", r#","id_reuse":"allow_if_failed""#).await.json(201);
}

#[tokio::test]
async fn repeats_under_one_key_are_one_start() {
    let server = TestServer::start().await;
    let body = r#"{"type":"echo","id":"once","input":1}"#;
    let first = start_with_key(&server, "k-1", body).await.json(201);
    server.result("once").await;
    assert_eq!(start_with_key(&server, "k-1", body).await.json(201), first);
    start_with_key(&server, "k-1", r#"{"type":"echo","id":"once","input":2}"#)
        .await
        .problem(409, "idempotency_conflict");
    start_with_key(&server, "k-2", body).await.problem(409, "workflow_already_exists");

    let unnamed = start_with_key(&server, "k-3", r#"{"type":"echo"}"#).await.json(201);
    let server = server.restart().await;
    assert_eq!(start_with_key(&server, "k-3", r#"{"type":"echo"}"#).await.json(201), unnamed);
    assert_eq!(start_with_key(&server, "k-1", body).await.json(201), first);
}

#[tokio::test]
async fn a_key_waits_for_the_first_ones_result() {
    let server = TestServer::start().await;
    let path = format!("{WORKFLOWS}?wait_ms=30000");
    let key = [("idempotency-key", "k")];
    for _ in 0..2 {
        let answer = server.send(Method::POST, &path, &key, r#"{"type":"echo","input":7}"#).await;
        let answer = answer.json(201);
        assert_eq!((&answer["status"], &answer["result"]), (&json!("completed"), &json!(7)));
    }
}

#[tokio::test]
async fn refuses_a_bad_key() {
    let server = TestServer::start().await;
    let long = "k".repeat(513);
    for keys in [vec![""], vec!["a", "b"], vec![long.as_str()]] {
        let headers: Vec<_> = keys.iter().map(|key| ("idempotency-key", *key)).collect();
        let reply =
            server.send(Method::POST, WORKFLOWS, &headers, r#"{"type":"echo","id":"never"}"#).await;
        reply.problem(400, "invalid_request");
    }
    server.get("/api/v1/workflows/never").await.problem(404, "workflow_not_found");
}

#[tokio::test]
async fn a_signal_rides_with_the_start() {
    let server = TestServer::start().await;
    let signal = json!({"name": "open", "payload": {"who": "me"}});
    let body = json!({"type": "gate", "id": "g", "signal": signal});
    let opened = json!({"status": "completed", "result": {"by": {"who": "me"}}});
    server.begin(body.clone()).await;
    assert_eq!(server.result("g").await, opened);
    server.post(WORKFLOWS, body.to_string()).await.problem(409, "workflow_already_exists");

    server.begin(json!({"type": "gate", "id": "h"})).await;
    let body = json!({"type": "gate", "id": "h", "on_conflict": "use_existing", "signal": signal});
    assert_eq!(server.post(WORKFLOWS, body.to_string()).await.json(200)["started"], false);
    assert_eq!(server.result("h").await, opened);

    server.begin(json!({"type": "gate", "id": "i"})).await;
    let body = json!({"type": "gate", "id": "i", "signal": signal});
    server.post(WORKFLOWS, body.to_string()).await.problem(409, "workflow_already_running");
    let history = server.get("/api/v1/workflows/i/history").await.text();
    assert!(!history.contains("signal_received"), "{history}");
}

#[tokio::test]
async fn a_delayed_start_is_running_and_buffers_signals() {
    let server = TestServer::start_with_manual_clock().await;
    server.begin(json!({"type": "gate", "id": "late", "start_delay_ms": 60_000})).await;
    server.post("/api/v1/workflows/late/signals/open", "1").await.json(202);
    assert_eq!(server.get("/api/v1/workflows/late").await.json(200)["status"], "running");
    server.get("/api/v1/workflows/late/result").await.json(202);
    server.post("/test/clock/advance", r#"{"ms":59999}"#).await.json(200);
    server.get("/api/v1/workflows/late/result").await.json(202);
    server.post("/test/clock/advance", r#"{"ms":1}"#).await.json(200);
    assert_eq!(server.result("late").await["result"], json!({"by": 1}));
}

#[tokio::test]
async fn an_execution_timeout_closes_the_run() {
    let server = TestServer::start_with_manual_clock().await;
    server.begin(json!({"type": "gate", "id": "short", "execution_timeout_ms": 5_000})).await;
    server.post("/test/clock/advance", r#"{"ms":5000}"#).await.json(200);
    assert_eq!(server.result("short").await["status"], "timed_out");
}

#[tokio::test]
async fn memo_and_search_attributes_come_back() {
    let server = TestServer::start().await;
    let (memo, attributes) = (json!({"note": [1, null]}), json!({"tier": "gold", "n": 10}));
    let body = json!({"type": "gate", "id": "m", "memo": memo, "search_attributes": attributes});
    server.begin(body).await;
    let run = server.get("/api/v1/workflows/m").await.json(200);
    assert_eq!((&run["memo"], &run["search_attributes"]), (&memo, &attributes));
    assert_eq!(run["build_id"], "test-build");
    assert_eq!(run["namespace"], "default");
}

#[tokio::test]
async fn refuses_what_has_the_wrong_shape() {
    let server = TestServer::start().await;
    for (field, value) in [
        ("type", "5"),
        ("type", "null"),
        ("id", "7"),
        ("id", "[]"),
        ("id_reuse", r#""always""#),
        ("on_conflict", "1"),
        ("start_delay_ms", "-1"),
        ("start_delay_ms", "1.5"),
        ("start_delay_ms", r#""1""#),
        ("execution_timeout_ms", "1e400"),
        ("execution_timeout_ms", "99999999999999999999999"),
        ("memo", "[]"),
        ("memo", r#""{""#),
        ("search_attributes", "[]"),
        ("search_attributes", "1"),
        ("signal", r#""open""#),
        ("signal", "{}"),
        ("signal", r#"{"name":5}"#),
    ] {
        let rest = if field == "type" { "" } else { r#""type":"echo","# };
        let body = format!(r#"{{{rest}"{field}":{value}}}"#);
        let detail = server.post(WORKFLOWS, body.clone()).await.problem(400, "invalid_request");
        assert!(detail.contains(field), "{body}: {detail}");
    }
    for body in ["{}", "[]", "1", "null", r#""echo""#, r#"{"input":1}"#] {
        server.post(WORKFLOWS, body).await.problem(400, "invalid_request");
    }
    let detail = server
        .post(WORKFLOWS, r#"{"type":"no_such_type"}"#)
        .await
        .problem(422, "unknown_workflow_type");
    assert!(detail.contains("no_such_type") && detail.contains("echo"), "{detail}");
    server
        .post(WORKFLOWS, r#"{"type":"chain","id":"never","input":{"steps":"many"}}"#)
        .await
        .problem(422, "invalid_request");
    server.get("/api/v1/workflows/never").await.problem(404, "workflow_not_found");
    assert_eq!(server.get(WORKFLOWS).await.json(200), json!({"workflows": []}));
}

#[tokio::test]
async fn ignores_fields_and_parameters_that_it_does_not_know() {
    let server = TestServer::start().await;
    let body = r#"{"type":"echo","id":"x","color":{"deep":[1]},"input":2}"#;
    server.post("/api/v1/workflows?verbose=yes", body).await.json(201);
    assert_eq!(server.result("x").await["result"], 2);
}
