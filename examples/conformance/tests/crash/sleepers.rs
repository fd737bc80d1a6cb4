//! A restart with many sleeping runs on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::Server;

const SLEEPERS: u64 = 100_000;
const CALLERS: u64 = 128;

pub(crate) async fn check() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = super::start(&data).await;
    let begun = Instant::now();
    start_many(&server, SLEEPERS, "sleep", &json!({ "ms": 3_600_000 })).await;
    println!("{SLEEPERS} sleepers started in {:?}", begun.elapsed());

    server.kill().await;
    let begun = Instant::now();
    let server = super::start(&data).await;
    let api = server.api();
    assert_eq!(api.run("echo", "first", json!(1)).await["result"], 1);
    let first_answer = begun.elapsed();
    super::report_restarts("restart with sleepers", &mut [server.ready_in()]);
    println!("first workflow answered after {first_answer:?}");
    assert!(first_answer < Duration::from_secs(10), "answered only after {first_answer:?}");
    for number in [0, SLEEPERS / 2, SLEEPERS - 1] {
        let description = api.describe(&format!("s{number}")).await;
        assert_eq!(description["status"], "running");
        assert_eq!(description["pending_timers"].as_array().unwrap().len(), 1);
    }
}

/// Starts runs `s0`, `s1` … of one type, many at once.
pub(crate) async fn start_many(server: &Server, count: u64, workflow_type: &str, input: &Value) {
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (api, next) = (server.api(), Arc::clone(&next));
        let (workflow_type, input) = (workflow_type.to_owned(), input.clone());
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                api.start(&workflow_type, &format!("s{number}"), input.clone()).await;
            }
        });
    }
    callers.join_all().await;
}
