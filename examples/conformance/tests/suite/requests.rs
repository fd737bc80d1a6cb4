//! What a worker refuses, what it takes twice, and that a refusal leaves nothing behind.

use serde_json::{Value, json};

use crate::Worker;

#[tokio::test]
async fn inputs_of_another_shape_are_refused_and_leave_nothing_behind() {
    let worker = Worker::new().await;
    let api = worker.api();
    let shapes = [
        ("chain", json!({ "steps": "three" })),
        ("chain", json!({ "steps": -1 })),
        ("run_chain", json!({})),
        ("fan_out", json!({ "width": 1.5 })),
        ("fan_out", json!({ "width": 1_000_000_000 })),
        ("sleep", json!({ "ms": -5 })),
        ("approval", json!("soon")),
        ("accumulate", json!(7)),
        ("witness", json!({ "file": "f", "lines": "one" })),
        ("witness", json!({ "file": "f", "lines": ["two\nin one"] })),
        ("flaky", json!({ "failures": 1, "max_attempts": 0 })),
        ("blob", json!({ "bytes": null })),
    ];
    let names = ["../out", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\u{0}b"];
    let files = names.iter().flat_map(|name| {
        let input = |lines: bool| match lines {
            true => json!({ "file": name, "lines": ["x"] }),
            false => json!({ "file": name }),
        };
        [("witness", input(true)), ("fork", input(false)), ("panic", input(false))]
    });
    for (workflow_type, input) in shapes.into_iter().chain(files) {
        let body = json!({ "type": workflow_type, "id": "refused", "input": input });
        api.post("/api/v1/workflows", &body).await.refused(422, "invalid_request");
    }
    api.get("/api/v1/workflows/refused").await.refused(404, "workflow_not_found");
    assert!(worker.witnessed("f").is_empty());
    let body = json!({ "type": "nobody_knows" });
    api.post("/api/v1/workflows", &body).await.refused(422, "unknown_workflow_type");
}

#[tokio::test]
async fn signals_of_another_shape_are_refused() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("approval", "a", json!({ "timeout_ms": 3_600_000 })).await;
    api.start("accumulate", "s", json!({})).await;
    for (id, name, payload) in [
        ("a", "approve", json!("ada")),
        ("a", "approve", json!({})),
        ("s", "add", json!("seven")),
        ("s", "add", Value::Null),
    ] {
        api.signal(id, name, payload).await.refused(422, "invalid_request");
    }
    assert_eq!(api.event_types("s").await, ["workflow_started"]);
    api.signal("nobody", "add", json!(1)).await.refused(404, "workflow_not_found");
    let body = json!({
        "type": "accumulate", "id": "never", "input": {},
        "signal": { "name": "add", "payload": "seven" },
    });
    api.post("/api/v1/workflows", &body).await.refused(422, "invalid_request");
    api.get("/api/v1/workflows/never").await.refused(404, "workflow_not_found");
}

#[tokio::test]
async fn an_id_is_taken_until_its_policy_says_otherwise() {
    let worker = Worker::new().await;
    let api = worker.api();
    let start = async |policy: Value| {
        let mut body = json!({ "type": "accumulate", "id": "one", "input": {} });
        body.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
        api.post("/api/v1/workflows", &body).await
    };
    let first = start(json!({})).await.expect(201);
    start(json!({})).await.refused(409, "workflow_already_running");
    let found = start(json!({ "on_conflict": "use_existing" })).await.expect(200);
    assert_eq!(found["run_id"], first["run_id"]);
    assert_eq!(found["started"], false);
    api.signal("one", "finish", Value::Null).await.expect(202);
    api.completed("one").await;
    start(json!({})).await.refused(409, "workflow_already_exists");
    start(json!({ "id_reuse": "allow_if_failed" })).await.refused(409, "workflow_already_exists");
    let second = start(json!({ "id_reuse": "allow_if_closed" })).await.expect(201);
    assert_ne!(second["run_id"], first["run_id"]);
    let third = start(json!({ "id_reuse": "terminate_if_running" })).await.expect(201);
    let path =
        format!("/api/v1/workflows/one/result?run_id={}", second["run_id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["status"], "terminated");
    assert_eq!(api.describe("one").await["run_id"], third["run_id"]);
}

#[tokio::test]
async fn a_signal_with_start_goes_to_the_run_that_is_answered() {
    let worker = Worker::new().await;
    let api = worker.api();
    for (number, status) in [(1, 201), (2, 200), (3, 200)] {
        let body = json!({
            "type": "accumulate", "id": "s", "input": {}, "on_conflict": "use_existing",
            "signal": { "name": "add", "payload": number },
        });
        api.post("/api/v1/workflows", &body).await.expect(status);
    }
    let refused = json!({
        "type": "accumulate", "id": "s", "input": {},
        "signal": { "name": "add", "payload": 100 },
    });
    api.post("/api/v1/workflows", &refused).await.refused(409, "workflow_already_running");
    api.signal("s", "finish", Value::Null).await.expect(202);
    assert_eq!(api.completed("s").await, json!({ "sum": 6, "order": [1, 2, 3] }));
}

#[tokio::test]
async fn idempotency_keys_hold_over_crashes_and_after_the_end() {
    let worker = Worker::new().await;
    let start = json!({ "type": "accumulate", "id": "keyed", "input": {} });
    let other = json!({ "type": "accumulate", "id": "other", "input": {} });
    let signals = "/api/v1/workflows/keyed/signals/add";

    let api = worker.api();
    let first = api.post_with_key("/api/v1/workflows", &start, "s").await.expect(201);
    api.post_with_key(signals, &json!(5), "a").await.expect(202);
    let worker = worker.crash().await;
    let api = worker.api();
    let again = api.post_with_key("/api/v1/workflows", &start, "s").await.expect(201);
    assert_eq!(again, first);
    api.post_with_key("/api/v1/workflows", &other, "s").await.refused(409, "idempotency_conflict");
    api.get("/api/v1/workflows/other").await.refused(404, "workflow_not_found");
    api.post_with_key(signals, &json!(5), "a").await.expect(202);
    api.post_with_key(signals, &json!(6), "a").await.refused(409, "idempotency_conflict");
    api.signal("keyed", "finish", Value::Null).await.expect(202);
    assert_eq!(api.completed("keyed").await, json!({ "sum": 5, "order": [5] }));

    let worker = worker.crash().await;
    let api = worker.api();
    api.post_with_key(signals, &json!(5), "a").await.expect(202);
    api.post_with_key(signals, &json!(5), "new").await.refused(409, "workflow_closed");
    let again = api.post_with_key("/api/v1/workflows", &start, "s").await.expect(201);
    assert_eq!(again, first);
}
