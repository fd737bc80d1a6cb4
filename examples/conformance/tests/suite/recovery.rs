//! What `kill -9` must not change.

use serde_json::{Value, json};

use crate::Worker;

#[tokio::test]
async fn a_run_that_waits_goes_on_after_a_crash() {
    let worker = Worker::new().await;
    let api = worker.api();
    api.start("accumulate", "sum", json!({})).await;
    api.signal("sum", "add", json!(1)).await.expect(202);
    api.start("approval", "approval", json!({ "timeout_ms": 3_600_000 })).await;
    api.run("echo", "done", json!("kept")).await;

    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(api.completed("done").await, "kept");
    assert_eq!(api.query("approval", "status").await, "waiting");
    assert_eq!(api.query("sum", "sum").await, 1);
    api.signal("sum", "add", json!(2)).await.expect(202);

    let worker = worker.crash().await;
    let api = worker.api();
    api.signal("sum", "add", json!(3)).await.expect(202);
    api.signal("sum", "finish", Value::Null).await.expect(202);
    assert_eq!(api.completed("sum").await, json!({ "sum": 6, "order": [1, 2, 3] }));
    api.signal("approval", "approve", json!({ "by": "ada" })).await.expect(202);
    assert_eq!(api.completed("approval").await["by"], "ada");
}

#[tokio::test]
async fn an_attempt_that_the_crash_took_is_made_again_and_a_recorded_one_is_not() {
    let worker = Worker::new().await;
    let api = worker.api();
    let input = json!({ "file": "w", "lines": ["a", "b", "c"], "delay_ms": 200 });
    api.start("witness", "w", input).await;
    let first = api.event("w", "activity_completed", 0).await;
    api.event("w", "activity_started", first["event_id"].as_u64().unwrap()).await;

    let worker = worker.crash().await;
    assert_eq!(worker.api().completed("w").await, json!({ "written": 3 }));
    let lines = worker.witnessed("w");
    assert_eq!(lines[0], "w a attempt=1");
    assert_eq!(lines.last().unwrap(), "w c attempt=1");
    assert_eq!(lines.iter().filter(|line| line.starts_with("w a ")).count(), 1);
    assert!(lines.contains(&"w b attempt=2".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn code_that_left_its_history_says_where_and_goes_on_once_it_is_mended() {
    let worker = Worker::new().await;
    worker.api().start("fork", "f", json!({ "file": "right", "delay_ms": 3_600_000 })).await;
    worker.api().event("f", "activity_started", 0).await;
    let right = worker.witness_path("right");
    std::fs::write(&right, "").unwrap();

    let worker = worker.crash().await;
    let failed = worker.api().event("f", "workflow_task_failed", 0).await;
    let description = worker.api().describe("f").await;
    assert_eq!(description["status"], "running");
    let failure = &description["task_failure"];
    assert_eq!(failure["kind"], "non_determinism");
    assert_eq!(failure["event_id"], 2);
    assert!(failure["recorded"].as_str().unwrap().contains("left"), "{failure}");
    assert!(failure["asked"].as_str().unwrap().contains("right"), "{failure}");
    assert!(failure["location"].as_str().unwrap().contains("fork.rs"), "{failure}");

    std::fs::remove_file(right).unwrap();
    let after = failed["event_id"].as_u64().unwrap();
    worker.api().event("f", "workflow_task_recovered", after).await;
    let description = worker.api().describe("f").await;
    assert_eq!(description["task_failure"], Value::Null);
    assert_eq!(description["pending_activities"][0]["type"], "left");
}

#[tokio::test]
async fn a_fork_that_nobody_disturbs_goes_left() {
    let worker = Worker::new().await;
    let ended = worker.api().run("fork", "f", json!({ "file": "none" })).await;
    assert_eq!(ended["result"], json!({ "took": "left" }));
}

#[tokio::test]
async fn a_panic_stops_the_run_until_the_code_is_mended() {
    let worker = Worker::new().await;
    worker.api().start("panic", "by-itself", json!({ "file": "now" })).await;
    worker.api().start("panic", "by-restart", json!({ "file": "later" })).await;
    for id in ["by-itself", "by-restart"] {
        worker.api().event(id, "workflow_task_failed", 0).await;
        let description = worker.api().describe(id).await;
        assert_eq!(description["status"], "running");
        assert_eq!(description["task_failure"]["kind"], "panic");
        assert!(description["task_failure"]["location"].as_str().unwrap().contains("panic.rs"));
        assert!(description["task_failure"]["message"].as_str().unwrap().contains("witness file"));
    }
    // Others do not notice.
    assert_eq!(worker.api().run("echo", "well", json!(1)).await["result"], 1);

    std::fs::write(worker.witness_path("now"), "").unwrap();
    assert_eq!(worker.api().completed("by-itself").await, json!({ "ok": true }));
    std::fs::write(worker.witness_path("later"), "").unwrap();
    let worker = worker.crash().await;
    assert_eq!(worker.api().completed("by-restart").await, json!({ "ok": true }));
}

#[tokio::test]
async fn random_values_are_the_same_in_every_replay() {
    // The clock stands still, so the run is suspended between its two draws.
    let worker = Worker::with_manual_clock().await;
    worker.api().start("random", "r", json!({})).await;
    // Two processes replay the same history, each for itself.
    let (one, other) = worker.split().await;
    let mut results = Vec::new();
    for worker in [&one, &other] {
        worker.api().advance(1).await;
        results.push(worker.api().completed("r").await);
        let events = worker.api().history("r").await;
        let drawn = results.last().unwrap();
        assert_eq!(events[0]["at"], drawn["before"]["now"]);
        assert_eq!(events.last().unwrap()["at"], drawn["after"]["now"]);
    }
    assert_eq!(results[0], results[1]);
    assert_ne!(results[0]["before"]["uuid"], results[0]["after"]["uuid"]);
}

#[tokio::test]
async fn a_term_signal_drains_and_the_next_process_goes_on() {
    let worker = Worker::new().await;
    worker.api().start("accumulate", "s", json!({})).await;
    worker.api().signal("s", "add", json!(1)).await.expect(202);
    let Worker { dir, args, server } = worker;
    assert!(server.stop().await.success());
    let server = crate::start(&dir, args).await;
    assert_eq!(server.api().query("s", "sum").await, 1);
}
