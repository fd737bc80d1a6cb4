//! Payloads that are larger than a server was told to take, and what becomes of their runs.

use serde_json::{Value, json};

use crate::Worker;

const SMALL: &[&str] = &["--max-payload-bytes", "2KiB", "--max-memo-bytes", "100"];

#[tokio::test]
async fn what_is_too_large_fails_its_call_and_every_run_goes_on_over_a_kill() {
    let worker = Worker::with(SMALL).await;
    let api = worker.api();
    let large = "x".repeat(2_047);
    api.start("accumulate", "sum", json!({})).await;
    let workflows = "/api/v1/workflows";
    let too_large = json!({ "type": "echo", "id": "e", "input": large });
    api.post(workflows, &too_large).await.refused(413, "payload_too_large");
    let memo = json!({ "type": "echo", "id": "e", "memo": { "a": "x".repeat(100) } });
    api.post(workflows, &memo).await.refused(413, "payload_too_large");
    api.signal("sum", "noise", json!(large)).await.refused(413, "payload_too_large");
    let update = api.update("sum", "set", json!(large)).await;
    update.refused(413, "payload_too_large");
    assert_eq!(api.get(&format!("{workflows}/e")).await.status, 404);

    let ended = api.run("blob", "blob", json!({ "bytes": 2_047 })).await;
    assert_eq!(ended["failure"]["type"], "payload_too_large", "{ended}");
    assert_eq!(ended["failure"]["attempts"], 1, "{ended}");
    assert_eq!(api.run("blob", "fits", json!({ "bytes": 2_046 })).await["status"], "completed");
    api.start("accumulate", "other", json!({})).await;

    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(api.result("blob").await["failure"]["type"], "payload_too_large");
    for id in ["sum", "other"] {
        api.signal(id, "add", json!(1)).await.expect(202);
        api.signal(id, "finish", Value::Null).await.expect(202);
        assert_eq!(api.completed(id).await["sum"], 1);
    }
}
