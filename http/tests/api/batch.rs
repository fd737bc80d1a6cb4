//! `/api/v1/batch`: one act on many runs.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestServer;

async fn begin(server: &TestServer, operation: &str, body: Value) -> String {
    let reply = server.post(&format!("/api/v1/batch/{operation}"), body.to_string()).await;
    reply.json(202)["batch_id"].as_str().unwrap().to_owned()
}

/// Starts one and waits for its end.
async fn run(server: &TestServer, operation: &str, body: Value) -> Value {
    let id = begin(server, operation, body).await;
    assert_eq!(server.result(&id).await["status"], "completed");
    server.get(&format!("/api/v1/batch/{id}")).await.json(200)
}

async fn listed(server: &TestServer, query: &str) -> usize {
    let page = server.get(&format!("/api/v1/workflows?{query}")).await.json(200);
    page["workflows"].as_array().unwrap().len()
}

#[track_caller]
fn counted(batch: &Value, total: u64, done: u64, failed: u64) {
    let counts = [&batch["total"], &batch["done"], &batch["failed"], &batch["status"]];
    assert_eq!(json!(counts), json!([total, done, failed, "completed"]), "{batch}");
}

#[tokio::test]
async fn every_act_hits_what_the_filter_names() {
    let server = TestServer::start().await;
    for n in 0..6 {
        let attributes = json!({"half": n % 2});
        server
            .begin(json!({"type": "gate", "id": format!("g-{n}"), "search_attributes": attributes}))
            .await;
    }
    let dry = json!({"filter": {"type": "gate", "attr.half": 0}, "dry_run": true});
    let dry = server.post("/api/v1/batch/cancel", dry.to_string()).await.json(200);
    assert_eq!(dry, json!({"total": 3}));

    let body = json!({"filter": {"id_prefix": "g-", "attr.half": "1", "status": "running"},
        "args": {"name": "open", "payload": "ada"}});
    counted(&run(&server, "signal", body).await, 3, 3, 0);
    for n in [1, 3, 5] {
        assert_eq!(server.result(&format!("g-{n}")).await["result"], json!({"by": "ada"}));
    }
    assert_eq!(listed(&server, "status=running").await, 3);

    let body = json!({"filter": {"attr.half": 1}, "args": {"to_event_id": 1, "reason": "again",
        "reapply_signals": false}});
    counted(&run(&server, "reset", body).await, 3, 3, 0);
    assert_eq!(listed(&server, "status=running").await, 6);

    let terminated =
        run(&server, "terminate", json!({"filter": {"attr.half": 0}, "args": {"reason": "old"}}));
    let terminated = terminated.await;
    counted(&terminated, 3, 3, 0);
    assert_eq!(terminated["operation"], "terminate");
    assert_eq!(terminated["filter"], json!({"attr.half": "0", "namespace": "default"}));
    assert_eq!(server.result("g-0").await["failure"]["message"], "old");

    // The batches are runs, too, and neither hit nor listed unless they are asked for.
    counted(&run(&server, "cancel", json!({"filter": {}})).await, 3, 3, 0);
    assert_eq!(listed(&server, "status=running").await, 0);
    assert_eq!(listed(&server, "type=everstep.batch").await, 4);
    let page = server.get("/api/v1/batch?page_size=3").await.json(200);
    let operations: Vec<&Value> =
        page["batches"].as_array().unwrap().iter().map(|batch| &batch["operation"]).collect();
    assert_eq!(json!(operations), json!(["cancel", "terminate", "reset"]));
    let token = page["next_page_token"].as_str().unwrap();
    let rest = server.get(&format!("/api/v1/batch?page_token={token}")).await.json(200);
    assert_eq!(rest["batches"].as_array().unwrap().len(), 1, "{rest}");

    let server = server.restart().await;
    let id = terminated["batch_id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/api/v1/batch/{id}")).await.json(200), terminated);
}

#[tokio::test]
async fn a_repeated_request_starts_no_second_batch() {
    let server = TestServer::start().await;
    let body = json!({"filter": {"type": "gate"}}).to_string();
    let headers = [("idempotency-key", "once")];
    let post = async |body: String| {
        server.send(Method::POST, "/api/v1/batch/cancel", &headers, body).await
    };
    let first = post(body.clone()).await.json(202);
    assert_eq!(post(body).await.json(202), first);
    let other = json!({"filter": {"type": "chain"}}).to_string();
    post(other).await.problem(409, "idempotency_conflict");
}

#[tokio::test]
async fn a_batch_keeps_to_its_namespace() {
    let server = TestServer::start().await;
    server.post("/api/v1/namespaces", json!({"name": "lab"}).to_string()).await.json(201);
    server.begin(json!({"type": "gate", "id": "here"})).await;
    let path = "/api/v1/workflows?namespace=lab";
    server.post(path, json!({"type": "gate", "id": "there"}).to_string()).await.json(201);
    let body = json!({"filter": {}}).to_string();
    let begun = server.post("/api/v1/batch/terminate?namespace=lab", body).await.json(202);
    let id = begun["batch_id"].as_str().unwrap();
    server.get(&format!("/api/v1/workflows/{id}/result?namespace=lab&wait_ms=30000")).await;
    let batch = server.get(&format!("/api/v1/batch/{id}?namespace=lab")).await.json(200);
    counted(&batch, 1, 1, 0);
    server.get(&format!("/api/v1/batch/{id}")).await.problem(404, "batch_not_found");
    assert_eq!(listed(&server, "status=running").await, 1);
    assert_eq!(listed(&server, "status=running&namespace=lab").await, 0);
    let body = json!({"filter": {"namespace": "lab"}, "dry_run": true}).to_string();
    assert_eq!(server.post("/api/v1/batch/cancel", body).await.json(200)["total"], 0);
}

#[tokio::test]
async fn batches_that_make_no_sense_are_refused_and_hit_nothing() {
    let server = TestServer::start().await;
    server.begin(json!({"type": "gate", "id": "spared"})).await;
    let (invalid, missing) = ("invalid_request", "batch_not_found");
    for (operation, body, status, code, says) in [
        ("terminate", json!({}), 400, invalid, "filter"),
        ("terminate", json!({"filter": {"typ": "gate"}}), 400, invalid, "no parameter"),
        ("terminate", json!({"filter": {"status": "odd"}}), 400, invalid, "status"),
        ("terminate", json!({"filter": {"status": "failed"}}), 422, invalid, "open runs"),
        ("terminate", json!({"filter": {"page_token": "x"}}), 400, invalid, "no parameter"),
        ("terminate", json!({"filter": {}, "args": {"reason": 1}}), 400, invalid, "reason"),
        ("signal", json!({"filter": {}}), 400, invalid, "args.name"),
        ("signal", json!({"filter": {}, "args": {"name": ""}}), 400, invalid, "empty"),
        ("reset", json!({"filter": {}, "args": {}}), 400, invalid, "to_event_id"),
        ("reset", json!({"filter": {}, "args": {"to_event_id": 0}}), 422, invalid, "from 1"),
        ("explode", json!({"filter": {}}), 404, missing, "explode"),
        ("cancel", json!({"filter": {"namespace": "no"}}), 404, "namespace_not_found", "no"),
    ] {
        let reply = server.post(&format!("/api/v1/batch/{operation}"), body.to_string()).await;
        let detail = reply.problem(status, code);
        assert!(detail.contains(says), "{detail}");
    }
    server.get("/api/v1/batch/spared").await.problem(404, "batch_not_found");
    let body = json!({"type": "everstep.batch"}).to_string();
    server.post("/api/v1/workflows", body).await.problem(422, "unknown_workflow_type");
    assert_eq!(listed(&server, "status=running").await, 1);
    assert_eq!(server.get("/api/v1/batch").await.json(200), json!({"batches": []}));
}
