//! One act on thousands of runs, killed in the middle, and what is left in memory after it.
//!
//! `EVERSTEP_BATCH_RUNS` sets over how many runs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sleepers::start_many;
use crate::support::{Api, Server};

/// Processes that are killed while a batch runs.
const KILLS: u64 = 3;
/// More than any batch here takes.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of memory that may be left over: the store's caches are warm by then.
const LEFT_OVER: u64 = 64 << 20;

/// Each run is acted on once, whatever process it was.
pub(crate) async fn check_kills() {
    let count = super::from_env("EVERSTEP_BATCH_RUNS").unwrap_or(3_000);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = super::start(&data).await;
    start_many(&server, count, "accumulate", &json!({})).await;
    for (operation, args) in [
        ("signal", json!({ "name": "add", "payload": 7 })),
        ("signal", json!({ "name": "finish" })),
    ] {
        server = run_killed(server, &data, count, operation, &args).await;
    }
    let api = server.api();
    for number in 0..count {
        let result = api.completed(&format!("s{number}")).await;
        assert_eq!(result, json!({ "sum": 7, "order": [7] }), "s{number}");
    }
    // The same runs again, from their first event; without the signals they stay open.
    let args = json!({ "to_event_id": 1, "reapply_signals": false });
    server = run_killed(server, &data, count, "reset", &args).await;
    assert_eq!(runs_of_id(&server.api(), "s0").await, 2);
    server = run_killed(server, &data, count, "terminate", &json!({ "reason": "enough" })).await;
    let api = server.api();
    for number in 0..count {
        let run = api.describe(&format!("s{number}")).await;
        assert_eq!(run["status"], "terminated", "{run}");
    }
    let open = api.get("/api/v1/workflows?status=running").await.expect(200);
    assert_eq!(open, json!({ "workflows": [] }));
}

async fn runs_of_id(api: &Api, id: &str) -> usize {
    let path = format!("/api/v1/workflows?id_prefix={id}&page_size=1000");
    let page = api.get(&path).await.expect(200);
    let runs = page["workflows"].as_array().unwrap();
    runs.iter().filter(|run| run["workflow_id"] == id).count()
}

/// Runs a batch over `count` runs to its end; the process is killed several times before that.
async fn run_killed(
    mut server: Server,
    data: &Path,
    count: u64,
    operation: &str,
    args: &Value,
) -> Server {
    let begun = Instant::now();
    let batch_id = begin(&server.api(), "accumulate", operation, args).await;
    for kill in 1..=KILLS {
        let enough = count * kill / (KILLS + 2);
        let batch =
            until(&server.api(), &batch_id, |batch| batch["done"].as_u64() >= Some(enough)).await;
        println!("{operation}: killed at {} of {}", batch["done"], batch["total"]);
        server.kill().await;
        server = super::start(data).await;
    }
    let batch = until(&server.api(), &batch_id, |batch| batch["status"] != "running").await;
    let counts = json!([batch["status"], batch["total"], batch["done"], batch["failed"]]);
    assert_eq!(counts, json!(["completed", count, count, 0]), "{batch}");
    println!("{operation} of {count} runs with {KILLS} kills in {:?}", begun.elapsed());
    server
}

/// What so many sleeping runs took is free again once they are terminated.
pub(crate) async fn check_memory() {
    let count = super::from_env("EVERSTEP_BATCH_RUNS").unwrap_or(20_000);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = super::start(&data).await;
    let api = server.api();
    let before = server.resident_bytes();
    let begun = Instant::now();
    start_many(&server, count, "sleep", &json!({ "ms": 3_600_000 })).await;
    let (full, started_in) = (server.resident_bytes(), begun.elapsed());

    let begun = Instant::now();
    let batch_id = begin(&api, "sleep", "terminate", &json!({})).await;
    let batch = until(&api, &batch_id, |batch| batch["status"] != "running").await;
    let took = begun.elapsed();
    let counts = json!([batch["status"], batch["total"], batch["done"], batch["failed"]]);
    assert_eq!(counts, json!(["completed", count, count, 0]), "{batch}");
    println!(
        "{count} sleepers started in {started_in:?}, terminated by one batch in {took:?}: {:.0}/s",
        count as f64 / took.as_secs_f64()
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let after = server.resident_bytes();
        let metrics = api.get("/health/ready").await;
        assert_eq!(metrics.status, 200);
        if after <= before + LEFT_OVER {
            println!(
                "memory: {:.0} MiB before, {:.0} MiB with them, {:.0} MiB after",
                mib(before),
                mib(full),
                mib(after)
            );
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{:.0} MiB before, {:.0} MiB with them, still {:.0} MiB",
            mib(before),
            mib(full),
            mib(after)
        );
        tokio::task::yield_now().await;
    }
}

async fn begin(api: &Api, workflow_type: &str, operation: &str, args: &Value) -> String {
    let body = json!({ "filter": { "type": workflow_type }, "args": args });
    let path = format!("/api/v1/batch/{operation}");
    let begun = api.post_with_key(&path, &body, &format!("{operation}-{args}")).await.expect(202);
    begun["batch_id"].as_str().unwrap().to_owned()
}

/// Follows a batch until it looks as wanted.
async fn until(api: &Api, batch_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let batch = api.get(&format!("/api/v1/batch/{batch_id}")).await.expect(200);
        if wanted(&batch) || batch["status"] != "running" {
            assert!(wanted(&batch), "{batch}");
            return batch;
        }
        assert!(Instant::now() < deadline, "{batch}");
        // Its end is waited for on the server, for a moment at a time.
        let path = format!("/api/v1/workflows/{batch_id}/result?wait_ms=20");
        let answer = api.get(&path).await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    }
}
