//! `POST …/updates/{name}` and `GET …/updates/{update_id}`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

const PATH: &str = "/api/v1/workflows/r/updates";

async fn with_id(server: &TestServer, name: &str, id: &str, body: &str) -> Reply {
    let path = format!("{PATH}/{name}");
    server.send(Method::POST, &path, &[("idempotency-key", id)], body.to_owned()).await
}

async fn event_types(server: &TestServer) -> Vec<String> {
    let page = server.get("/api/v1/workflows/r/history").await.json(200);
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn is_validated_taken_and_answered() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "register", "id": "r"})).await;
    let first = server.post(&format!("{PATH}/set"), "5").await.json(200);
    assert_eq!((&first["result"], &first["status"]), (&json!(0), &json!("completed")));
    let second = server.post(&format!("{PATH}/set"), "7").await.json(200);
    assert_eq!(second["result"], 5);
    assert_ne!(first["update_id"], second["update_id"]);
    let page = server.get("/api/v1/workflows/r/history").await.json(200);
    let events = page["events"].as_array().unwrap();
    assert_eq!(events[1]["type"], "update_accepted");
    assert_eq!((&events[1]["name"], &events[1]["payload"]), (&json!("set"), &json!(5)));
    assert_eq!(events[2]["type"], "update_completed");
    assert_eq!((&events[2]["update_id"], &events[2]["result"]), (&first["update_id"], &json!(0)));
    let description = server.get("/api/v1/workflows/r").await.json(200);
    let awaiting = description["awaiting"].as_array().unwrap();
    assert!(awaiting.iter().any(|item| item["kind"] == "update" && item["name"] == "set"));
    let closed = server.post(&format!("{PATH}/close"), "").await.json(200);
    assert_eq!(closed["result"], 7);
    assert_eq!(server.result("r").await["result"], 7);
}

#[tokio::test]
async fn what_is_refused_leaves_no_trace() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "register", "id": "r"})).await;
    server.begin(json!({"type": "gate", "id": "g"})).await;
    let set = format!("{PATH}/set");
    let detail = with_id(&server, "set", "u1", "-1").await.problem(422, "update_rejected");
    assert!(detail.contains("negative"), "{detail}");
    server.get(&format!("{PATH}/u1")).await.problem(404, "update_not_found");
    // The same id may come again, since nothing was kept of it.
    with_id(&server, "set", "u1", "-2").await.problem(422, "update_rejected");
    server.post(&set, r#""text""#).await.problem(422, "invalid_request");
    server.post(&set, "{").await.problem(400, "malformed_json");
    let detail =
        server.post(&format!("{PATH}/unknown"), "1").await.problem(404, "update_not_found");
    assert!(detail.contains("close, later, set"), "{detail}");
    server.post("/api/v1/workflows/g/updates/set", "1").await.problem(404, "update_not_found");
    server.post("/api/v1/workflows/x/updates/set", "1").await.problem(404, "workflow_not_found");
    server.post(&format!("{set}?wait_ms=x"), "1").await.problem(400, "invalid_request");
    server.post(&format!("{set}?update_id=%00"), "1").await.problem(400, "invalid_request");
    server
        .send(Method::POST, &format!("{set}?update_id=a"), &[("idempotency-key", "b")], "1")
        .await
        .problem(400, "invalid_request");
    assert_eq!(event_types(&server).await, ["workflow_started"]);
    server.post(&format!("{PATH}/close"), "").await.json(200);
    server.post(&set, "1").await.problem(409, "workflow_closed");
    assert_eq!(server.result("r").await["result"], 0);
}

#[tokio::test]
async fn the_same_id_gets_the_first_answer() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "register", "id": "r"})).await;
    let first = with_id(&server, "set", "u1", "5").await.json(200);
    assert_eq!(
        first,
        json!({"update_id": "u1", "name": "set", "status": "completed", "result": 0})
    );
    assert_eq!(with_id(&server, "set", "u1", "5").await.json(200), first);
    with_id(&server, "set", "u1", "6").await.problem(409, "idempotency_conflict");
    with_id(&server, "close", "u1", "5").await.problem(409, "idempotency_conflict");
    let by_parameter = server.post(&format!("{PATH}/set?update_id=u1"), "5").await.json(200);
    assert_eq!(by_parameter, first);

    let server = server.restart().await;
    assert_eq!(with_id(&server, "set", "u1", "5").await.json(200), first);
    assert_eq!(server.post(&format!("{PATH}/set"), "9").await.json(200)["result"], 5);
    server.post(&format!("{PATH}/close"), "").await.json(200);
    assert_eq!(server.result("r").await["result"], 9);
    assert_eq!(with_id(&server, "set", "u1", "5").await.json(200), first);
    assert_eq!(server.get(&format!("{PATH}/u1")).await.json(200), first);
    with_id(&server, "set", "u1", "6").await.problem(409, "idempotency_conflict");
}

#[tokio::test]
async fn what_nobody_waits_for_is_kept_over_a_restart_and_taken_in_order() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "register", "id": "r"})).await;
    // The code answers `later` only after the signal `go`.
    let path = format!("{PATH}/later?wait_ms=0&update_id=l1");
    let kept = server.post(&path, "1").await.json(202);
    assert_eq!(kept, json!({"update_id": "l1", "name": "later", "status": "accepted"}));
    let waiting = server.post(&format!("{PATH}/set?wait_ms=10&update_id=s1"), "1").await.json(202);
    assert_eq!(waiting["status"], "admitted");
    server.post(&format!("{PATH}/set?wait_ms=0&update_id=s2"), "-1").await.json(202);
    server.post(&format!("{PATH}/set?wait_ms=0&update_id=s3"), "3").await.json(202);
    let pending = server.get("/api/v1/workflows/r").await.json(200);
    let ids: Vec<&Value> =
        pending["pending_updates"].as_array().unwrap().iter().map(|it| &it["update_id"]).collect();
    assert_eq!(ids, ["l1", "s1", "s2", "s3"]);

    let server = server.restart().await;
    assert_eq!(server.get(&format!("{PATH}/s1")).await.json(202)["status"], "admitted");
    let poll = async { server.get(&format!("{PATH}/l1?wait_ms=30000")).await.json(200) };
    let go = async { server.post("/api/v1/workflows/r/signals/go", "").await.json(202) };
    let (answered, _) = tokio::join!(poll, go);
    assert_eq!(answered["result"], 1);
    assert_eq!(server.get(&format!("{PATH}/s1?wait_ms=30000")).await.json(200)["result"], 0);
    server.get(&format!("{PATH}/s2?wait_ms=30000")).await.problem(422, "update_rejected");
    assert_eq!(server.get(&format!("{PATH}/s3?wait_ms=30000")).await.json(200)["result"], 1);
    let expected = ["update_accepted", "signal_received", "update_completed"];
    assert_eq!(event_types(&server).await[1..4], expected);
}

#[tokio::test]
async fn an_end_before_the_answer_is_told() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "register", "id": "r"})).await;
    server.post(&format!("{PATH}/later?wait_ms=0&update_id=l1"), "1").await.json(202);
    server.post(&format!("{PATH}/set?wait_ms=0&update_id=s1"), "1").await.json(202);
    let path = format!("{PATH}/s1?wait_ms=30000");
    let poll = async { server.get(&path).await.problem(409, "workflow_closed") };
    let end = async {
        server.post("/api/v1/workflows/r/terminate", r#"{"reason": "enough"}"#).await.json(202)
    };
    tokio::join!(poll, end);
    for id in ["l1", "s1"] {
        server.get(&format!("{PATH}/{id}")).await.problem(409, "workflow_closed");
        let server = &server;
        let name = if id == "l1" { "later" } else { "set" };
        with_id(server, name, id, "1").await.problem(409, "workflow_closed");
    }
}

#[tokio::test]
async fn a_start_brings_an_update_and_its_answer() {
    let server = TestServer::start().await;
    let body = json!({
        "type": "register", "id": "r", "on_conflict": "use_existing",
        "update": {"name": "set", "payload": 5, "id": "u1"},
    });
    let answer = |value: i64| json!({"update_id": "u1", "name": "set", "status": "completed", "result": value});
    let started = server.begin(body.clone()).await;
    assert_eq!((&started["started"], &started["update"]), (&json!(true), &answer(0)));
    // The run knows the update from before.
    let again = server.post("/api/v1/workflows", body.to_string()).await.json(200);
    assert_eq!((&again["started"], &again["update"]), (&json!(false), &answer(0)));
    let mut other = body.clone();
    other["update"]["payload"] = json!(6);
    server.post("/api/v1/workflows", other.to_string()).await.problem(409, "idempotency_conflict");
    other["update"]["id"] = json!("u2");
    let second = server.post("/api/v1/workflows", other.to_string()).await.json(200);
    assert_eq!(second["update"]["result"], 5);

    other["update"]["name"] = json!("unknown");
    let refused = server.post("/api/v1/workflows", other.to_string()).await;
    refused.problem(404, "update_not_found");
    let body = json!({"type": "register", "id": "n", "update": {"name": "set", "payload": "x"}});
    server.post("/api/v1/workflows", body.to_string()).await.problem(422, "invalid_request");
    server.get("/api/v1/workflows/n").await.problem(404, "workflow_not_found");

    // What the validator turns down does not undo the start, and is told with it.
    let body = json!({"type": "register", "id": "n", "update": {"name": "set", "payload": -1}});
    let started = server.begin(body).await;
    assert_eq!(started["update"]["status"], "rejected");
    assert!(started["update"]["failure"]["message"].as_str().unwrap().contains("negative"));
    let path =
        format!("/api/v1/workflows/n/updates/{}", started["update"]["update_id"].as_str().unwrap());
    server.get(&path).await.problem(422, "update_rejected");
}
