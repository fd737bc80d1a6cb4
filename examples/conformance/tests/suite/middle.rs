//! Every type of the contract, killed in its middle: one process holds a run of each that has begun
//! and not ended, dies by `kill -9`, and the next one brings all of them to the end that the
//! contract promises.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Worker;
use crate::support::Api;

const HOUR_MS: u64 = 3_600_000;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Types that the contract does not name or that have a test of their own.
const ELSEWHERE: [&str; 7] =
    ["append", "tally", "deposit", "ledger", "send_command", "guarded", "mend_notes"];

async fn pause(api: &Api, id: &str) {
    let path = format!("/api/v1/workflows/{id}/pause");
    api.post(&path, &json!({ "reason": "its middle" })).await.expect(202);
}

async fn resume(api: &Api, id: &str) {
    api.post(&format!("/api/v1/workflows/{id}/resume"), &json!({})).await.expect(202);
}

/// Begins a run whose own steps are too quick to be caught: it waits for its first instant.
async fn delayed(api: &Api, workflow_type: &str, input: Value) {
    let body = json!({
        "type": workflow_type, "id": workflow_type, "input": input, "start_delay_ms": HOUR_MS,
    });
    api.post("/api/v1/workflows", &body).await.expect(201);
}

/// Begins a long run and stops it when some of its steps are done.
async fn amid_steps(api: &Api, workflow_type: &str, input: Value) {
    api.start(workflow_type, workflow_type, input).await;
    api.event(workflow_type, "activity_completed", 0).await;
    pause(api, workflow_type).await;
}

async fn begin(api: &Api) {
    delayed(api, "echo", json!("kept")).await;
    delayed(api, "patched", json!({})).await;
    delayed(api, "fan_out", json!({ "width": 2_000 })).await;
    delayed(api, "blob", json!({ "bytes": 200_000 })).await;
    amid_steps(api, "chain", json!({ "steps": 2_000, "payload": "p" })).await;
    amid_steps(api, "run_chain", json!({ "steps": 2_000 })).await;
    let names: Vec<String> = (0..500).map(|step| format!("s{step}")).collect();
    amid_steps(api, "saga", json!({ "steps": names, "fail_at": "s499", "file": "saga" })).await;
    api.start("sleep", "sleep", json!({ "ms": HOUR_MS })).await;
    api.start("approval", "approval", json!({ "timeout_ms": 30 * HOUR_MS })).await;
    api.start("accumulate", "accumulate", json!({})).await;
    api.signal("accumulate", "add", json!(1)).await.expect(202);
    let lines = json!({ "file": "w", "lines": ["a", "b", "c"], "delay_ms": 300 });
    api.start("witness", "witness", lines).await;
    api.event("witness", "activity_completed", 0).await;
    let flaky = json!({ "failures": 2, "max_attempts": 3, "initial_interval_ms": 60_000 });
    api.start("flaky", "flaky", flaky).await;
    api.event("flaky", "activity_failed", 0).await;
    let hang = json!({ "start_to_close_ms": 60_000, "beats": 3, "max_attempts": 2 });
    api.start("hang", "hang", hang).await;
    api.event("hang", "activity_started", 0).await;
    let children = json!([
        { "type": "echo", "input": 1 },
        { "type": "sleep", "input": { "ms": HOUR_MS }, "id": "child" },
    ]);
    api.start("parent", "parent", json!({ "children": children })).await;
    api.event("parent", "child_workflow_completed", 0).await;
    api.start("ticker", "ticker", json!({ "batch": 2, "until": 5 })).await;
    for tick in 0..3 {
        api.signal("ticker", "tick", json!(tick)).await.expect(202);
    }
    api.start("register", "register", json!({})).await;
    assert_eq!(api.update("register", "set", json!(7)).await.expect(200)["result"], 0);
    api.start("fork", "fork", json!({ "file": "none", "delay_ms": 1_000 })).await;
    api.event("fork", "activity_started", 0).await;
    api.start("panic", "panic", json!({ "file": "mended" })).await;
    api.event("panic", "workflow_task_failed", 0).await;
    api.start("blocked", "blocked", json!({})).await;
    api.event("blocked", "workflow_task_failed", 0).await;
    api.start("cancellable", "cancellable", json!({ "file": "c" })).await;
    api.event("cancellable", "activity_started", 0).await;
    api.start("random", "random", json!({})).await;
    api.event("random", "timer_started", 0).await;
}

async fn completes(api: &Api, id: &str, result: Value) {
    assert_eq!(api.completed(id).await, result, "{id}");
}

#[tokio::test]
async fn every_type_of_the_contract_ends_as_promised_after_a_kill_in_its_middle() {
    let worker = Worker::with_manual_clock().await;
    let api = worker.api();
    begin(&api).await;
    let page = api.get("/api/v1/workflows?page_size=100").await.expect(200);
    let runs = page["workflows"].as_array().unwrap();
    let begun: BTreeSet<&str> = runs.iter().map(|run| run["type"].as_str().unwrap()).collect();
    let registered = conformance::worker(worker.dir.path()).unwrap();
    let known: BTreeSet<&str> =
        registered.workflow_types().filter(|kind| !ELSEWHERE.contains(kind)).collect();
    assert_eq!(begun, known, "a type of the contract is missing here");
    for kind in &known {
        let run = api.describe(kind).await;
        assert!(["running", "paused"].contains(&run["status"].as_str().unwrap()), "{kind}: {run}");
    }

    let worker = worker.crash().await;
    let api = worker.api();
    std::fs::write(worker.witness_path("mended"), "").unwrap();
    for id in ["chain", "run_chain", "saga"] {
        let run = api.describe(id).await;
        assert_eq!(run["status"], "paused", "{id}: {run}");
        resume(&api, id).await;
    }
    api.signal("approval", "approve", json!({ "by": "ada" })).await.expect(202);
    api.signal("accumulate", "add", json!(2)).await.expect(202);
    api.signal("accumulate", "finish", Value::Null).await.expect(202);
    for tick in 3..5 {
        api.signal("ticker", "tick", json!(tick)).await.expect(202);
    }
    assert_eq!(api.update("register", "set", json!(9)).await.expect(200)["result"], 7);
    api.update("register", "close", Value::Null).await.expect(200);
    api.post("/api/v1/workflows/cancellable/cancel", &json!({})).await.expect(202);
    let blocked = api.describe("blocked").await;
    assert_eq!(blocked["task_failure"]["kind"], "not_durable", "{blocked}");
    let reason = json!({ "reason": "for ever" });
    api.post("/api/v1/workflows/blocked/terminate", &reason).await.expect(202);
    // Whatever an hour brings: first instants, timers, pauses, the end of a time.
    let begun = Instant::now();
    loop {
        api.advance(HOUR_MS / 4).await;
        let open = api.get("/api/v1/workflows?status=running").await.expect(200);
        let open = open["workflows"].as_array().unwrap().clone();
        if open.is_empty() {
            break;
        }
        // What an attempt asks for after the clock has moved waits for the next move, and what
        // takes real time would never end if the clock moved all the time.
        let id = open[0]["workflow_id"].as_str().unwrap();
        api.get(&format!("/api/v1/workflows/{id}/result?wait_ms=1500")).await;
        assert!(begun.elapsed() < PATIENCE, "still open: {open:?}");
    }

    completes(&api, "echo", json!("kept")).await;
    completes(&api, "patched", json!({ "took": "v2" })).await;
    completes(&api, "blob", json!({ "bytes": 200_000 })).await;
    completes(&api, "chain", json!({ "steps": 2_000, "payload": "p" })).await;
    completes(&api, "run_chain", json!({ "steps": 2_000 })).await;
    completes(&api, "fan_out", json!({ "sum": 1_999_000 })).await;
    completes(&api, "sleep", json!({ "slept_ms": HOUR_MS })).await;
    completes(&api, "approval", json!({ "outcome": "approved", "by": "ada" })).await;
    completes(&api, "accumulate", json!({ "sum": 3, "order": [1, 2] })).await;
    completes(&api, "witness", json!({ "written": 3 })).await;
    completes(&api, "flaky", json!({ "attempts": 3 })).await;
    completes(&api, "parent", json!({ "results": [1, { "slept_ms": HOUR_MS }] })).await;
    completes(&api, "ticker", json!({ "count": 5, "runs": 3 })).await;
    completes(&api, "register", json!({ "value": 9 })).await;
    completes(&api, "fork", json!({ "took": "left" })).await;
    completes(&api, "panic", json!({ "ok": true })).await;
    let random = api.completed("random").await;
    assert_ne!(random["before"]["uuid"], random["after"]["uuid"]);
    let saga = api.result("saga").await;
    let undone = saga["failure"]["compensated"].as_array().unwrap();
    assert_eq!((undone.len(), &undone[0]), (499, &json!("s498")));
    let said = worker.witnessed("saga");
    assert_eq!(
        (said.first().unwrap().as_str(), said.last().unwrap().as_str()),
        ("do s0", "undo s0")
    );
    let lines = worker.witnessed("w");
    assert_eq!(lines.iter().filter(|line| line.starts_with("witness a ")).count(), 1, "{lines:?}");
    let hang = api.result("hang").await;
    assert_eq!(hang["failure"]["timeout"], "start_to_close", "{hang}");
    assert_eq!(hang["failure"]["last_heartbeat"], 3, "{hang}");
    assert_eq!(api.result("cancellable").await["status"], "cancelled");
    assert_eq!(worker.witnessed("c"), ["cleanup", "compensated"]);
    assert_eq!(api.result("blocked").await["status"], "terminated");
}
