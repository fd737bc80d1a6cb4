//! Every workflow of the contract: input, result, what it leaves behind.

use serde_json::{Value, json};

use crate::Worker;

#[tokio::test]
async fn each_type_answers_as_its_contract_says() {
    let worker = Worker::new().await;
    let api = worker.api();
    let odd = json!({ "text": "ünï\u{1F980}", "number": 1.5, "list": [null, true, {}] });
    let steps = |n: u32| json!({ "steps": n });
    let cases = [
        ("echo", odd.clone(), odd.clone()),
        ("echo", Value::Null, Value::Null),
        ("chain", json!({ "steps": 5, "payload": odd }), json!({ "steps": 5, "payload": odd })),
        ("chain", steps(0), json!({ "steps": 0, "payload": null })),
        ("run_chain", steps(7), steps(7)),
        ("fan_out", json!({ "width": 50 }), json!({ "sum": 1225 })),
        ("fan_out", json!({ "width": 0 }), json!({ "sum": 0 })),
        ("sleep", json!({ "ms": 5 }), json!({ "slept_ms": 5 })),
        ("approval", json!({ "timeout_ms": 1 }), json!({ "outcome": "expired" })),
        ("patched", json!({}), json!({ "took": "v2" })),
        ("blob", json!({ "bytes": 100_001 }), json!({ "bytes": 100_001 })),
    ];
    for (number, (workflow_type, input, result)) in cases.into_iter().enumerate() {
        let id = format!("{workflow_type}-{number}");
        let ended = api.run(workflow_type, &id, input).await;
        assert_eq!(ended, json!({ "status": "completed", "result": result }), "{id}");
    }
}

#[tokio::test]
async fn a_chain_records_each_step_in_order() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.run("chain", "c", json!({ "steps": 2, "payload": 7 })).await;
    let step = ["activity_scheduled", "activity_started", "activity_completed"];
    let types = api.event_types("c").await;
    assert_eq!(types, [&["workflow_started"], &step[..], &step, &["workflow_completed"]].concat());
    let events = api.history("c").await;
    assert_eq!(events[1]["type"], "activity_scheduled");
    assert_eq!(events[1]["input"], 7);
    assert_eq!(events[3]["result"], 7);
    let ids: Vec<_> = events.iter().map(|event| event["event_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_approval_takes_the_signal_that_came_first() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("approval", "a", json!({ "timeout_ms": 3_600_000 })).await;
    assert_eq!(api.query("a", "status").await, "waiting");
    assert_eq!(api.describe("a").await["pending_timers"].as_array().unwrap().len(), 1);
    api.signal("a", "approve", json!({ "by": "ada" })).await.expect(202);
    assert_eq!(api.completed("a").await, json!({ "outcome": "approved", "by": "ada" }));
    assert_eq!(api.query("a", "status").await, "approved");
    assert!(api.event_types("a").await.contains(&"timer_cancelled".to_owned()));
    api.signal("a", "approve", json!({ "by": "alan" })).await.refused(409, "workflow_closed");
}

#[tokio::test]
async fn signals_add_up_in_the_order_of_their_arrival() {
    let worker = Worker::new().await;
    let api = worker.api();
    let body = json!({
        "type": "accumulate", "id": "sum", "input": {},
        "signal": { "name": "add", "payload": 40 },
    });
    api.post("/api/v1/workflows", &body).await.expect(201);
    assert_eq!(api.query("sum", "sum").await, 40);
    for number in [2, -1, 2] {
        api.signal("sum", "add", json!(number)).await.expect(202);
    }
    assert_eq!(api.query("sum", "sum").await, 43);
    api.signal("sum", "finish", Value::Null).await.expect(202);
    let result = api.completed("sum").await;
    assert_eq!(result, json!({ "sum": 43, "order": [40, 2, -1, 2] }));
    assert_eq!(api.query("sum", "sum").await, 43);
}

#[tokio::test]
async fn a_witness_writes_each_line_once_and_in_order() {
    let worker = Worker::new().await;
    let input = json!({ "file": "w.txt", "lines": ["one", "two", "three"], "delay_ms": 1 });
    let ended = worker.api().run("witness", "w", input).await;
    assert_eq!(ended["result"], json!({ "written": 3 }));
    let lines = ["w one attempt=1", "w two attempt=1", "w three attempt=1"];
    assert_eq!(worker.witnessed("w.txt"), lines);
}

#[tokio::test]
async fn a_flaky_activity_is_retried_as_its_policy_says() {
    let worker = Worker::new().await;
    let api = worker.api();
    let input = json!({ "failures": 3, "max_attempts": 4, "initial_interval_ms": 20 });
    assert_eq!(api.run("flaky", "mended", input).await["result"], json!({ "attempts": 4 }));
    let events = api.history("mended").await;
    let of_type = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect();
    let failed: Vec<&Value> = of_type("activity_failed");
    let attempts: Vec<_> = failed.iter().map(|event| event["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(failed.iter().all(|event| event["failure"]["type"] == "flaky"));
    let started: Vec<&Value> = of_type("activity_started");
    assert_eq!(started.len(), 4);
    for (retry, base_ms) in (0..3).zip([20, 40, 80]) {
        let pause = millis(&started[retry + 1]["at"]) - millis(&failed[retry]["at"]);
        assert!(pause >= base_ms * 8 / 10, "pause {retry} took {pause} ms");
    }

    let input = json!({ "failures": 9, "max_attempts": 3, "initial_interval_ms": 1 });
    let ended = api.run("flaky", "given-up", input).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["failure"]["type"], "flaky");
    assert_eq!(ended["failure"]["attempts"], 3);

    let input = json!({ "failures": 9, "max_attempts": 3, "non_retryable": true });
    let ended = api.run("flaky", "final", input).await;
    assert_eq!(ended["failure"]["type"], "flaky");
    assert_eq!(ended["failure"]["attempts"], 1);
}

/// The milliseconds within the hour of an RFC 3339 time: enough for pauses of a test.
fn millis(at: &Value) -> i64 {
    let at = at.as_str().unwrap();
    let number = |range: std::ops::Range<usize>| at[range].parse::<i64>().unwrap();
    // 2026-01-02T03:04:05.678Z; days, so that midnight is no exception.
    ((number(8..10) * 24 + number(11..13)) * 60 + number(14..16)) * 60_000
        + number(17..19) * 1000
        + number(20..23)
}

#[tokio::test]
async fn a_saga_undoes_in_reverse_what_was_done() {
    let worker = Worker::new().await;
    let api = worker.api();
    let input = json!({ "steps": ["a", "b", "c"], "file": "done" });
    assert_eq!(api.run("saga", "s1", input).await["result"], json!({ "done": ["a", "b", "c"] }));
    assert_eq!(worker.witnessed("done"), ["do a", "do b", "do c"]);

    let input = json!({ "steps": ["a", "b", "c"], "fail_at": "c", "file": "undone" });
    let ended = api.run("saga", "s2", input).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["failure"]["compensated"], json!(["b", "a"]));
    assert_eq!(worker.witnessed("undone"), ["do a", "do b", "undo b", "undo a"]);
}

#[tokio::test]
async fn cancellation_reaches_the_activity_and_spares_the_clean_up() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("cancellable", "c", json!({ "file": "c.txt" })).await;
    api.event("c", "activity_started", 0).await;
    api.post("/api/v1/workflows/c/cancel", &json!({})).await.expect(202);
    assert_eq!(api.result("c").await["status"], "cancelled");
    assert_eq!(worker.witnessed("c.txt"), ["cleanup", "compensated"]);
    api.post("/api/v1/workflows/c/cancel", &json!({})).await.refused(409, "workflow_closed");
}

#[tokio::test]
async fn what_waits_for_nothing_durable_says_so() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("blocked", "b", json!({})).await;
    api.event("b", "workflow_task_failed", 0).await;
    let description = api.describe("b").await;
    assert_eq!(description["status"], "running");
    assert_eq!(description["task_failure"]["kind"], "not_durable");
    let body = json!({ "reason": "it is stuck" });
    api.post("/api/v1/workflows/b/terminate", &body).await.expect(202);
    assert_eq!(api.result("b").await["status"], "terminated");
    let last = api.history("b").await.pop().unwrap();
    assert_eq!((&last["type"], &last["reason"]), (&json!("workflow_terminated"), &body["reason"]));
}

#[tokio::test]
async fn random_values_go_on_after_a_timer() {
    let worker = Worker::new().await;
    let api = worker.api();
    let ended = api.run("random", "r", json!({})).await;
    let (before, after) = (&ended["result"]["before"], &ended["result"]["after"]);
    for drawn in [before, after] {
        let random = drawn["random"].as_f64().unwrap();
        assert!((0.0..1.0).contains(&random));
        assert_eq!(drawn["uuid"].as_str().unwrap().len(), 36);
        assert_eq!(drawn["now"].as_str().unwrap().len(), "2026-01-01T00:00:00.000Z".len());
    }
    assert_ne!(before["random"], after["random"]);
    assert_ne!(before["uuid"], after["uuid"]);
    assert!(millis(&after["now"]) > millis(&before["now"]));
}
