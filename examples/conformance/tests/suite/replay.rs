//! Every prefix of every recorded history leads the code to a prefix of the same commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use everstep::kernel::Recorded;
use everstep::{Engine, EngineConfig, HistoryEvent, Selector, replay_history};
use everstep_storage::{EmbeddedConfig, EmbeddedStore};
use serde_json::{Value, json};

use crate::support::Api;
use crate::{Worker, start};

/// Runs of every kind, some of them cut by a crash.
async fn record(worker: Worker) -> (Worker, Vec<String>) {
    let mut ids = Vec::new();
    let mut begin = async |api: &Api, workflow_type: &str, input: Value| {
        let id = format!("{workflow_type}-{}", ids.len());
        api.start(workflow_type, &id, input).await;
        ids.push(id.clone());
        id
    };
    let api = worker.api();
    for (workflow_type, input) in [
        ("echo", json!({ "any": ["thing"] })),
        ("chain", json!({ "steps": 9, "payload": "p" })),
        ("run_chain", json!({ "steps": 9 })),
        ("fan_out", json!({ "width": 30 })),
        ("sleep", json!({ "ms": 3 })),
        ("approval", json!({ "timeout_ms": 3 })),
        ("flaky", json!({ "failures": 2, "max_attempts": 3, "initial_interval_ms": 1 })),
        ("flaky", json!({ "failures": 5, "max_attempts": 2, "initial_interval_ms": 1 })),
        ("saga", json!({ "steps": ["a", "b", "c"], "fail_at": "c", "file": "saga" })),
        ("blob", json!({ "bytes": 70_000 })),
        ("tally", json!({ "counter": "t", "times": 5 })),
        ("random", json!({})),
        ("fork", json!({ "file": "none" })),
        ("patched", json!({})),
        ("witness", json!({ "file": "w", "lines": ["a", "b", "c", "d"], "delay_ms": 100 })),
    ] {
        begin(&api, workflow_type, input).await;
    }
    let approval = begin(&api, "approval", json!({ "timeout_ms": 3_600_000 })).await;
    let sum = begin(&api, "accumulate", json!({})).await;
    for number in 0..5 {
        api.signal(&sum, "add", json!(number)).await.expect(202);
    }
    let register = begin(&api, "register", json!({})).await;
    for number in 0..5 {
        api.update(&register, "set", json!(number)).await.expect(200);
        api.update(&register, "set", json!(-1)).await.refused(422, "update_rejected");
    }
    let cancelled = begin(&api, "cancellable", json!({ "file": "cancelled" })).await;
    let stopped = begin(&api, "sleep", json!({ "ms": 3_600_000 })).await;

    let worker = worker.crash().await;
    let api = worker.api();
    api.signal(&approval, "approve", json!({ "by": "ada" })).await.expect(202);
    api.signal(&sum, "add", json!(5)).await.expect(202);
    api.signal(&sum, "finish", Value::Null).await.expect(202);
    api.update(&register, "set", json!(-1)).await.refused(422, "update_rejected");
    api.update(&register, "close", Value::Null).await.expect(200);
    for id in [&cancelled, &stopped] {
        api.post(&format!("/api/v1/workflows/{id}/cancel"), &json!({})).await.expect(202);
    }
    for id in &ids {
        let ended = api.result(id).await;
        assert_ne!(ended["status"], "running", "{id}");
    }
    (worker, ids)
}

#[tokio::test]
async fn every_prefix_of_every_history_replays_to_a_prefix_of_its_commands() {
    let (worker, ids) = record(Worker::new().await).await;
    let Worker { dir, server, .. } = worker;
    assert!(server.stop().await.success());

    let data = dir.path().join("data");
    let code = conformance::worker(&data).unwrap();
    let mut prefixes = 0;
    for (id, history) in ids.iter().zip(histories(&data, &ids).await) {
        for length in 1..=history.len() {
            let prefix = &history[..length];
            let report = replay_history(&code, prefix).unwrap();
            assert_eq!(report.failure, None, "{id} after event {length}");
            let commands = prefix.iter().filter(|recorded| is_command(&recorded.event)).count();
            assert_eq!(report.matched, commands, "{id} after event {length}");
            prefixes += 1;
        }
    }
    println!("{prefixes} prefixes of {} histories", ids.len());
    // What was replayed was not changed by it: the server goes on with the same data.
    drop(start(&dir, &[]).await);
}

/// What the code asked for, as opposed to what happened to it.
fn is_command(event: &HistoryEvent) -> bool {
    matches!(
        event,
        HistoryEvent::ActivityScheduled { .. }
            | HistoryEvent::ActivityCancelRequested { .. }
            | HistoryEvent::TimerStarted { .. }
            | HistoryEvent::TimerCancelled { .. }
            | HistoryEvent::UpdateCompleted(_)
            | HistoryEvent::PatchMarked { .. }
            | HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowFailed { .. }
            | HistoryEvent::WorkflowCancelled
    )
}

/// The histories as they are stored.
async fn histories(data: &Path, ids: &[String]) -> Vec<Vec<Recorded>> {
    let store = Arc::new(EmbeddedStore::open(data, EmbeddedConfig::default()).unwrap());
    let engine = Engine::open(
        store,
        everstep::Worker::new(),
        EngineConfig::default(),
        tokio::runtime::Handle::current(),
    );
    let engine = engine.unwrap();
    let mut histories = Vec::new();
    for id in ids {
        let page = engine.history(&Selector::newest(id), 1, 10_000).unwrap();
        assert!(page.closed && page.next_event_id.is_none(), "{id}");
        histories.push(page.events.into_iter().map(|event| event.recorded).collect());
    }
    engine.drain(Duration::from_secs(5)).await;
    histories
}
