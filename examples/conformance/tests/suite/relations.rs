//! Runs that have to do with each other: parents, children, and runs that continue as new.

use serde_json::{Value, json};

use crate::Worker;

#[tokio::test]
async fn a_parent_joins_its_children_whatever_they_are() {
    let worker = Worker::new().await;
    let api = worker.api();
    let children = json!([
        { "type": "echo", "input": { "a": 1 } },
        { "type": "chain", "input": { "steps": 2 }, "id": "the-chain" },
        { "type": "sleep", "input": { "ms": 5 } },
    ]);
    let ended = api.run("parent", "p", json!({ "children": children })).await;
    let results = json!([{ "a": 1 }, { "steps": 2, "payload": null }, { "slept_ms": 5 }]);
    assert_eq!(ended, json!({ "status": "completed", "result": { "results": results } }));
    let description = api.describe("p").await;
    assert_eq!(description["children"].as_array().unwrap().len(), 3);
    assert_eq!(description["children"][1], "the-chain");
    assert_eq!(api.describe("the-chain").await["parent"], "p");
    let listed = api.get("/api/v1/workflows?parent=p").await.expect(200);
    assert_eq!(listed["workflows"].as_array().unwrap().len(), 3);
    assert!(listed["workflows"].as_array().unwrap().iter().all(|run| run["parent"] == "p"));
    let types = api.event_types("p").await;
    for name in ["start_initiated", "started", "completed"] {
        let name = format!("child_workflow_{name}");
        assert_eq!(types.iter().filter(|kind| **kind == name).count(), 3, "{name}");
    }
}

#[tokio::test]
async fn a_parent_learns_of_a_child_that_fails_or_cannot_start() {
    let worker = Worker::new().await;
    let api = worker.api();
    let flaky = json!({ "failures": 9, "max_attempts": 1 });
    let input = json!({ "children": [{ "type": "flaky", "input": flaky, "id": "weak" }] });
    let ended = api.run("parent", "p1", input).await;
    assert_eq!((&ended["status"], &ended["failure"]["type"]), (&json!("failed"), &json!("flaky")));
    assert!(ended["failure"]["message"].as_str().unwrap().contains("weak"), "{ended}");

    let input = json!({ "children": [{ "type": "echo", "id": "weak" }] });
    let ended = api.run("parent", "p2", input).await;
    assert_eq!(ended["failure"]["type"], "workflow_already_exists");
    assert!(api.event_types("p2").await.contains(&"child_workflow_start_failed".to_owned()));

    let ended = api.run("parent", "p3", json!({ "children": [{ "type": "nobody" }] })).await;
    assert_eq!(ended["failure"]["type"], "unknown_workflow_type");
}

#[tokio::test]
async fn children_end_as_the_close_policy_says() {
    let worker = Worker::new().await;
    let api = worker.api();
    for (policy, status) in [("terminate", "terminated"), ("cancel", "cancelled")] {
        let (parent, child) = (format!("parent-{policy}"), format!("child-{policy}"));
        let input = json!({
            "children": [{ "type": "sleep", "input": { "ms": 3_600_000 }, "id": child }],
            "close_policy": policy,
        });
        api.start("parent", &parent, input).await;
        let path = format!("/api/v1/workflows/{parent}/terminate");
        api.post(&path, &json!({ "reason": "enough" })).await.expect(202);
        assert_eq!(api.result(&child).await["status"], status);
    }
    let child = json!({ "type": "sleep", "input": { "ms": 100 }, "id": "orphan" });
    let input = json!({ "children": [child], "close_policy": "abandon" });
    api.start("parent", "parent-abandon", input).await;
    api.post("/api/v1/workflows/parent-abandon/terminate", &json!({})).await.expect(202);
    assert_eq!(api.completed("orphan").await, json!({ "slept_ms": 100 }));
}

#[tokio::test]
async fn a_ticker_counts_over_its_runs_and_over_crashes() {
    let mut worker = Worker::new().await;
    worker.api().start("ticker", "t", json!({ "batch": 3, "until": 20 })).await;
    for tick in 0..20 {
        let api = worker.api();
        let path = "/api/v1/workflows/t/signals/tick";
        let key = format!("tick-{tick}");
        api.post_with_key(path, &Value::Null, &key).await.expect(202);
        if tick % 4 == 3 {
            worker = worker.crash().await;
            // The key holds over the chain and over the crash.
            worker.api().post_with_key(path, &Value::Null, &key).await.expect(202);
        }
    }
    let api = worker.api();
    assert_eq!(api.completed("t").await, json!({ "count": 20, "runs": 7 }));
    assert_eq!(api.query("t", "count").await, 20);
    let last = api.describe("t").await;
    let first = last["first_run_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/workflows/t/result?run_id={first}");
    let ended = api.get(&path).await.expect(200);
    assert_eq!(ended["status"], "continued_as_new");
    let described = api.get(&format!("/api/v1/workflows/t?run_id={first}")).await.expect(200);
    assert_eq!(described["continued_to"], ended["new_run_id"]);
    let listed = api.get("/api/v1/workflows?status=continued_as_new").await.expect(200);
    assert_eq!(listed["workflows"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn a_start_that_waits_follows_the_chain() {
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    let body = json!({
        "type": "ticker", "id": "t", "input": { "batch": 1, "until": 1 },
        "signal": { "name": "tick" },
    });
    let ended = api.post("/api/v1/workflows?wait_ms=20000", &body).await.expect(201);
    assert_eq!((&ended["status"], &ended["result"]["runs"]), (&json!("completed"), &json!(1)));
    let input = json!({ "batch": 0, "until": 1 });
    let body = json!({ "type": "ticker", "input": input });
    api.post("/api/v1/workflows", &body).await.refused(422, "invalid_request");
}
