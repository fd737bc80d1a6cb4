//! Attempts that run out of time, and what their heartbeats leave to the next one.

use serde_json::{Value, json};

use crate::Worker;

#[tokio::test]
async fn a_hang_fails_by_the_time_that_ran_out_first() {
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    let cases = [
        ("silent", json!({ "start_to_close_ms": 9_000, "max_attempts": 1 }), 9_000),
        ("slow", json!({ "start_to_close_ms": 9_000, "beats": 2, "max_attempts": 1 }), 9_000),
        (
            "dead",
            json!({ "start_to_close_ms": 9_000, "heartbeat_ms": 700, "beats": 5, "max_attempts": 1 }),
            700,
        ),
    ];
    for (id, input, ends_after_ms) in cases {
        let has_heartbeat = input.get("heartbeat_ms").is_some();
        let beats = input["beats"].clone();
        api.start("hang", id, input).await;
        api.event(id, "activity_started", 0).await;
        api.advance(ends_after_ms - 1).await;
        assert_eq!(api.describe(id).await["status"], "running", "{id}");
        api.advance(1).await;
        let ended = api.result(id).await;
        let failure = &ended["failure"];
        assert_eq!((&ended["status"], &failure["type"]), (&json!("failed"), &json!("timeout")));
        let timeout = if has_heartbeat { "heartbeat" } else { "start_to_close" };
        assert_eq!(failure["timeout"], timeout, "{id}");
        assert_eq!(failure["last_heartbeat"], beats, "{id}");
        assert_eq!(failure["attempts"], 1, "{id}");
    }
}

#[tokio::test]
async fn heartbeats_survive_the_process_and_count_for_the_next_attempt() {
    let worker = Worker::with_manual_clock().await;
    let hour_ms = 3_600_000;
    let input = json!({
        "start_to_close_ms": 9 * hour_ms, "heartbeat_ms": hour_ms, "beats": 4, "max_attempts": 2,
    });
    worker.api().start("hang", "h", input).await;
    let pending = async |worker: &Worker| -> Value {
        // Everything that was said before is taken in.
        worker.api().advance(0).await;
        worker.api().describe("h").await["pending_activities"][0].take()
    };
    let first = pending(&worker).await;
    assert_eq!((&first["attempt"], &first["last_heartbeat"]), (&json!(1), &json!(4)));
    assert!(first["last_heartbeat_at"].is_string(), "{first}");

    let worker = worker.crash().await;
    let lost = worker.api().event("h", "activity_failed", 0).await;
    assert_eq!((&lost["attempt"], &lost["failure"]["type"]), (&json!(1), &json!("lost")));
    let second = pending(&worker).await;
    assert_eq!((&second["attempt"], &second["last_heartbeat"]), (&json!(2), &json!(4)));
    worker.api().advance(hour_ms).await;
    let ended = worker.api().result("h").await;
    assert_eq!(ended["failure"]["timeout"], "heartbeat");
    assert_eq!(
        (&ended["failure"]["attempts"], &ended["failure"]["last_heartbeat"]),
        (&json!(2), &json!(4))
    );
}

#[tokio::test]
async fn a_shutdown_does_not_keep_an_activity_until_its_timeout() {
    let worker = Worker::with(&["--drain-grace", "100ms"]).await;
    let input = json!({ "start_to_close_ms": 3_600_000, "beats": 1, "max_attempts": 2 });
    worker.api().start("hang", "h", input).await;
    worker.api().event("h", "activity_started", 0).await;
    let worker = worker.stop_and_start().await;
    let lost = worker.api().event("h", "activity_failed", 0).await;
    assert_eq!(lost["failure"]["type"], "lost");
    let again =
        worker.api().event("h", "activity_started", lost["event_id"].as_u64().unwrap()).await;
    assert_eq!(again["attempt"], 2, "at once, not after an hour");
}
