//! Schedules over `kill -9`: nothing twice, nothing lost, nothing passed in silence.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Worker;
use crate::support::Api;

const MINUTE_MS: u64 = 60_000;

async fn create(
    api: &Api,
    id: &str,
    spec: Value,
    overlap: &str,
    workflow_type: &str,
    input: Value,
) {
    let body = json!({
        "id": id, "spec": spec, "overlap": overlap,
        "action": { "type": workflow_type, "input": input },
    });
    api.post("/api/v1/schedules", &body).await.expect(201);
}

async fn describe(api: &Api, id: &str) -> Value {
    api.get(&format!("/api/v1/schedules/{id}")).await.expect(200)
}

/// The workflow ids of all runs of a schedule.
async fn runs(api: &Api, id: &str) -> Vec<String> {
    let path = format!("/api/v1/workflows?attr.schedule_id={id}&page_size=1000");
    let page = api.get(&path).await.expect(200);
    let runs = page["workflows"].as_array().unwrap().iter();
    runs.map(|run| run["workflow_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_instant_fires_once_over_crashes_between_firings() {
    let mut worker = Worker::with_manual_clock().await;
    let spec = json!({ "interval_ms": MINUTE_MS, "jitter_ms": 20_000 });
    create(&worker.api(), "s", spec.clone(), "allow_all", "echo", json!(1)).await;
    let preview = json!({ "spec": spec, "id": "s", "count": 30 });
    let preview = worker.api().post("/api/v1/schedules/preview", &preview).await.expect(200);
    for _ in 0..10 {
        worker.api().advance(3 * MINUTE_MS / 2).await;
        worker = worker.crash().await;
    }
    let api = worker.api();
    let now = api.advance(20_000).await["now"].as_str().unwrap().to_owned();
    let due = preview["upcoming"].as_array().unwrap().iter();
    let due: BTreeSet<String> = due
        .filter(|firing| firing["fires_at"].as_str().unwrap() <= now.as_str())
        .map(|firing| format!("s-{}", firing["scheduled_at"].as_str().unwrap()))
        .collect();
    let found = runs(&api, "s").await;
    assert!(due.len() >= 15, "{due:?}");
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), due);
    assert_eq!(found.len(), due.len(), "{found:?}");
    let shown = describe(&api, "s").await;
    assert_eq!(shown["counters"]["started"], due.len());
    assert_eq!(shown["running_count"], 0);
}

#[tokio::test]
async fn on_the_machine_clock_what_a_crash_delays_is_made_up_once() {
    let worker = Worker::new().await;
    let spec = json!({ "interval_ms": 100 });
    create(&worker.api(), "fast", spec, "allow_all", "echo", json!(1)).await;
    let mut worker = worker;
    for count in 1..=3 {
        // The next kill falls somewhere between two firings or into one.
        let api = worker.api();
        while describe(&api, "fast").await["counters"]["started"].as_u64().unwrap() < 5 * count {}
        worker = worker.crash().await;
    }
    let api = worker.api();
    api.post("/api/v1/schedules/fast/pause", &json!({})).await.expect(202);
    let shown = describe(&api, "fast").await;
    let found = runs(&api, "fast").await;
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "an instant fired twice");
    assert_eq!(shown["counters"]["started"], found.len());
    assert_eq!(shown["counters"]["refused"], 0);
    // From the first to the last there is a run for every tenth of a second.
    let instant = |id: &&String| {
        id.strip_prefix("fast-").unwrap().parse::<everstep::Timestamp>().unwrap().as_millis()
    };
    let instants: BTreeSet<i64> = distinct.iter().map(instant).collect();
    let (first, last) = (*instants.first().unwrap(), *instants.last().unwrap());
    assert_eq!((last - first) / 100 + 1, i64::try_from(instants.len()).unwrap(), "one was lost");
}

#[tokio::test]
async fn a_buffer_moves_on_after_a_crash_and_a_stuck_run_shows() {
    let worker = Worker::with_manual_clock().await;
    let spec = json!({ "cron": ["*/5 * * * *"], "timezone": "America/New_York" });
    create(&worker.api(), "b", spec.clone(), "buffer_all", "accumulate", json!({})).await;
    create(&worker.api(), "s", spec, "skip", "accumulate", json!({})).await;
    worker.api().advance(75 * MINUTE_MS).await;
    let worker = worker.crash().await;
    let api = worker.api();
    let shown = describe(&api, "s").await;
    let stuck = shown["running"][0]["workflow_id"].as_str().unwrap();
    let message = shown["health"]["message"].as_str().unwrap();
    let expected = format!("skipped 14 times because run {stuck} is still running since ");
    assert!(message.starts_with(&expected), "{message}");
    let listed = api.get("/api/v1/schedules").await.expect(200);
    assert_eq!(listed["schedules"][1]["health"]["message"], message);

    let mut worker = worker;
    for waiting in (0..=14).rev() {
        let api = worker.api();
        let shown = describe(&api, "b").await;
        assert_eq!((&shown["buffered"], &shown["running_count"]), (&json!(waiting), &json!(1)));
        let run = shown["running"][0]["workflow_id"].as_str().unwrap().to_owned();
        api.signal(&run, "finish", Value::Null).await.expect(202);
        if waiting % 5 == 0 {
            worker = worker.crash().await;
        }
    }
    assert_eq!(runs(&worker.api(), "b").await.len(), 15);
}
