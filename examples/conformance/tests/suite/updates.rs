//! What `register` promises, over crashes.

use serde_json::{Value, json};

use crate::Worker;
use crate::support::Api;

async fn with_id(api: &Api, name: &str, id: &str, argument: Value) -> Value {
    let path = format!("/api/v1/workflows/r/updates/{name}");
    api.post_with_key(&path, &argument, id).await.expect(200)
}

#[tokio::test]
async fn a_register_answers_the_old_value_and_refuses_negatives() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("register", "r", json!({})).await;
    assert_eq!(api.query("r", "get").await, 0);
    for (new, old) in [(json!(5), json!(0)), (json!(7.5), json!(5)), (json!(0), json!(7.5))] {
        assert_eq!(api.update("r", "set", new.clone()).await.expect(200)["result"], old);
        assert_eq!(api.query("r", "get").await, new);
    }
    let events = api.event_types("r").await.len();
    for argument in [json!(-1), json!(-0.5)] {
        api.update("r", "set", argument).await.refused(422, "update_rejected");
    }
    api.update("r", "set", json!("five")).await.refused(422, "invalid_request");
    api.update("r", "unknown", json!(1)).await.refused(404, "update_not_found");
    assert_eq!(api.event_types("r").await.len(), events);
    api.update("r", "set", json!(3)).await.expect(200);
    api.update("r", "close", Value::Null).await.expect(200);
    assert_eq!(api.completed("r").await, json!({ "value": 3 }));
    assert_eq!(api.query("r", "get").await, 3);
    api.update("r", "set", json!(4)).await.refused(409, "workflow_closed");
}

#[tokio::test]
async fn an_answered_update_survives_a_crash_and_is_applied_once() {
    let worker = Worker::new().await;
    worker.api().start("register", "r", json!({})).await;
    let first = with_id(&worker.api(), "set", "u1", json!(5)).await;
    assert_eq!(first["result"], 0);

    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(with_id(&api, "set", "u1", json!(5)).await, first);
    assert_eq!(with_id(&api, "set", "u2", json!(6)).await["result"], 5);

    let worker = worker.crash().await;
    let api = worker.api();
    with_id(&api, "close", "u3", Value::Null).await;
    assert_eq!(api.completed("r").await, json!({ "value": 6 }));

    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(with_id(&api, "set", "u1", json!(5)).await, first);
    let accepted = api.event_types("r").await;
    assert_eq!(accepted.iter().filter(|event| *event == "update_accepted").count(), 3);
}
