//! Days of waiting in no time, on the manual clock.

use serde_json::{Value, json};

use crate::Worker;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

#[tokio::test]
async fn an_approval_expires_after_its_day_and_not_before() {
    let worker = Worker::with_manual_clock().await;
    worker.api().start("approval", "a", json!({ "timeout_ms": DAY_MS })).await;
    worker.api().advance(DAY_MS - 1).await;
    assert_eq!(worker.api().query("a", "status").await, "waiting");
    let worker = worker.crash().await;
    assert_eq!(worker.api().query("a", "status").await, "waiting");
    worker.api().advance(1).await;
    assert_eq!(worker.api().completed("a").await, json!({ "outcome": "expired" }));
    assert_eq!(worker.api().query("a", "status").await, "expired");
}

#[tokio::test]
async fn a_sleep_ends_at_its_instant_over_crashes() {
    let worker = Worker::with_manual_clock().await;
    worker.api().start("sleep", "s", json!({ "ms": 30 * DAY_MS })).await;
    let fires_at = worker.api().describe("s").await["pending_timers"][0]["fires_at"].clone();
    worker.api().advance(29 * DAY_MS).await;
    let worker = worker.crash().await;
    let now = worker.api().advance(DAY_MS - 1).await;
    assert_eq!(worker.api().describe("s").await["status"], "running", "{now}");
    let now = worker.api().advance(1).await;
    assert_eq!(now["now"], fires_at);
    assert_eq!(worker.api().completed("s").await, json!({ "slept_ms": 30 * DAY_MS }));
    let fired = worker.api().event("s", "timer_fired", 0).await;
    assert_eq!(fired["at"], fires_at);
}

#[tokio::test]
async fn a_start_delay_buffers_signals_and_is_not_shortened_by_them() {
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    let body = json!({
        "type": "accumulate", "id": "d", "input": {}, "start_delay_ms": HOUR_MS,
        "signal": { "name": "add", "payload": 1 },
    });
    api.post("/api/v1/workflows", &body).await.expect(201);
    api.signal("d", "add", json!(2)).await.expect(202);
    api.signal("d", "finish", Value::Null).await.expect(202);
    api.advance(HOUR_MS - 1).await;
    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(api.describe("d").await["status"], "running");
    let path = "/api/v1/workflows/d/queries/sum";
    api.post(path, &Value::Null).await.refused(404, "query_not_found");
    api.advance(1).await;
    assert_eq!(api.completed("d").await, json!({ "sum": 3, "order": [1, 2] }));
}

#[tokio::test]
async fn an_execution_timeout_ends_what_still_runs() {
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    for (id, ms) in [("slow", DAY_MS), ("quick", HOUR_MS)] {
        let body = json!({
            "type": "sleep", "id": id, "input": { "ms": ms }, "execution_timeout_ms": 2 * HOUR_MS,
        });
        api.post("/api/v1/workflows", &body).await.expect(201);
    }
    api.advance(2 * HOUR_MS - 1).await;
    let worker = worker.crash().await;
    let api = worker.api();
    assert_eq!(api.describe("slow").await["status"], "running");
    api.advance(1).await;
    assert_eq!(api.result("slow").await["status"], "timed_out");
    assert_eq!(api.completed("quick").await, json!({ "slept_ms": HOUR_MS }));
    assert_eq!(api.describe("slow").await["pending_timers"], json!([]));
}

#[tokio::test]
async fn retries_wait_on_the_same_clock() {
    let worker = Worker::with_manual_clock().await;
    let input = json!({ "failures": 2, "max_attempts": 3, "initial_interval_ms": HOUR_MS });
    worker.api().start("flaky", "f", input).await;
    let mut after = 0;
    for attempt in 1..=2 {
        let failed = worker.api().event("f", "activity_failed", after).await;
        assert_eq!(failed["attempt"], attempt);
        after = failed["event_id"].as_u64().unwrap();
        let pending = worker.api().describe("f").await["pending_activities"][0].clone();
        assert_eq!(
            (&pending["state"], &pending["max_attempts"]),
            (&json!("backing_off"), &json!(3))
        );
        // The longest pause is a minute by default, and jitter adds a fifth at most.
        worker.api().advance(60_000 * 12 / 10).await;
    }
    assert_eq!(worker.api().completed("f").await, json!({ "attempts": 3 }));
}

#[tokio::test]
async fn only_a_manual_clock_can_be_moved() {
    let worker = Worker::new().await;
    let answer = worker.api().post("/test/clock/advance", &json!({ "ms": 1 })).await;
    assert_eq!(answer.status, 404);
}
