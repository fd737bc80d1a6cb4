//! Large payloads lie in rows of their own: what looks through a history does not read them, and
//! everything that needs a value gets it whole.

use std::time::Duration;

use everstep_engine::{
    Activity, ActivityError, ExportedRun, Failure, HistoryEvent, NamespaceSettings, Payload,
    PayloadKind, PayloadLimits, Rejection, ResetRequest, RunStatus, Selector, Signal, StartRequest,
    Worker, Workflow, WorkflowContext, WorkflowError, replay_history,
};
use everstep_storage::Table;

use crate::support::{Fixture, json};

const LIMITS: PayloadLimits =
    PayloadLimits { inline_payload_bytes: 1_000, ..PayloadLimits::DEFAULT };
const PAYLOADS: Table = Table::new(13, "payloads");

const ECHO: Activity<String, String> = Activity::new("echo");
const REFUSE: Activity<String, ()> = Activity::new("refuse");
const MORE: Signal<String> = Signal::new("more");
const CARRY: Workflow<String, String> = Workflow::new("carry");
const PARENT: Workflow<String, usize> = Workflow::new("parent");
const TURN: Workflow<(u32, String), String> = Workflow::new("turn");
const FAIL: Workflow<String, ()> = Workflow::new("fail");

fn worker() -> Worker {
    Worker::new()
        .workflow(CARRY, async |ctx: &WorkflowContext, said: String| {
            let said = ctx.activity(ECHO, said).await?;
            let heard = ctx.signal(MORE).await;
            Ok(said + &heard)
        })
        .workflow(PARENT, async |ctx: &WorkflowContext, said: String| {
            Ok(ctx.child(CARRY, said).id("child").await?.len())
        })
        .workflow(TURN, async |ctx: &WorkflowContext, (left, said): (u32, String)| match left {
            0 => Ok(said + &ctx.signal(MORE).await),
            left => {
                ctx.sleep(Duration::from_secs(1)).await;
                ctx.continue_as_new((left - 1, said))
            }
        })
        .workflow(FAIL, async |ctx: &WorkflowContext, said: String| {
            ctx.activity(REFUSE, said).await?;
            Ok::<_, WorkflowError>(())
        })
        .activity(ECHO, async |_, said| Ok(said))
        .activity(REFUSE, async |_, said: String| {
            let error = ActivityError::new("refused", "no").non_retryable();
            Err(error.with_details(Payload::from_value(&said)?))
        })
}

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.limit(LIMITS);
    fixture.restart_with(worker());
    fixture
}

fn long(letter: char) -> Payload {
    Payload::from_value(&letter.to_string().repeat(50_000)).unwrap()
}

fn start(fixture: &Fixture, kind: &str, id: &str, input: Payload) -> Selector {
    let mut request = StartRequest::new(kind, input);
    request.workflow_id = Some(id.into());
    fixture.wait(fixture.engine().start(request)).unwrap();
    Selector::newest(id)
}

/// Starts `carry`, ends its process once it waits, and brings it to its end in another.
fn carried(fixture: &mut Fixture, id: &str) -> Selector {
    let run = start(fixture, CARRY.name(), id, long('a'));
    fixture.until(&run, |run| run.awaiting.iter().any(|awaited| awaited.kind == "signal"));
    fixture.restart_with(worker());
    fixture.signal(&run, "more", long('b').as_str());
    let whole = format!("\"{}{}\"", "a".repeat(50_000), "b".repeat(50_000));
    assert_eq!(fixture.result(&run).result, Some(json(&whole)));
    run
}

#[test]
fn a_large_payload_is_stored_once_and_whoever_needs_it_gets_it_whole() {
    let mut fixture = fixture();
    let run = carried(&mut fixture, "c");
    // Input, the activity's input and result, the signal, the result.
    assert_eq!(fixture.table(PAYLOADS).len(), 5);
    fixture.restart_with(worker());

    let engine = fixture.engine();
    let page = engine.history(&run, 1, 100).unwrap();
    let referring = engine.referring().history(&run, 1, 100).unwrap();
    let shown = serde_json::to_string(&referring).unwrap();
    assert!(shown.len() < 3_000, "{shown}");
    let found = |view: &everstep_engine::EventView| match &view.recorded.event {
        HistoryEvent::WorkflowStarted(started) => Some(started.input.clone()),
        HistoryEvent::ActivityScheduled { input, .. } => Some(input.clone()),
        HistoryEvent::ActivityCompleted { result, .. }
        | HistoryEvent::WorkflowCompleted { result } => Some(result.clone()),
        HistoryEvent::SignalReceived { payload, .. } => Some(payload.clone()),
        _ => None,
    };
    let mut references = 0;
    for (whole, referring) in page.events.iter().zip(&referring.events) {
        let Some(whole) = found(whole) else { continue };
        let reference = found(referring).unwrap().reference().unwrap();
        assert_eq!((reference.event_id, reference.index), (referring.event_id, 0));
        assert_eq!(reference.bytes, whole.as_bytes().len() as u64);
        assert_eq!(reference.kind, PayloadKind::Text);
        assert_eq!(engine.payload(&run, reference.event_id, reference.index).unwrap(), whole);
        references += 1;
    }
    assert_eq!(references, 5);

    let described = engine.describe(&run).unwrap();
    assert_eq!(described.input, long('a'));
    assert_eq!(described.result, fixture.result(&run).result);
    assert!(described.history_bytes > 300_000, "{}", described.history_bytes);
    let by_reference = engine.referring().describe(&run).unwrap();
    assert!(by_reference.input.reference().is_some() && by_reference.result.is_some());
    assert_eq!(by_reference.history_bytes, described.history_bytes);
    let hidden = engine.referring().hiding_values().describe(&run).unwrap();
    assert_eq!(hidden.input, json("\"‹text, 50002 bytes›\""));
    assert_eq!(engine.hiding_values().payload(&run, 1, 0).unwrap(), hidden.input);

    let none = |event_id, index| engine.payload(&run, event_id, index).unwrap_err();
    for (event_id, index) in [(0, 0), (1, 1), (3, 0), (99, 0)] {
        let missing = Rejection::PayloadNotFound { workflow_id: "c".into(), event_id, index };
        assert_eq!(none(event_id, index), missing);
    }
}

#[test]
fn an_export_holds_the_values_and_replays() {
    let mut fixture = fixture();
    let run = carried(&mut fixture, "c");
    let export = fixture.engine().export(&run, 1).unwrap();
    let file = serde_json::to_vec(&export).unwrap();
    assert!(file.len() > 300_000, "{}", file.len());
    let read = ExportedRun::parse(&file).unwrap();
    let report = replay_history(&worker(), &read.events).unwrap();
    assert_eq!(report.failure, None);
    // A page of many ends by what the values weigh.
    let whole = fixture.engine().referring().export(&run, 1).unwrap();
    assert_eq!(whole, export);
}

#[test]
fn what_is_deleted_leaves_no_payload_and_a_reset_has_its_own() {
    let mut fixture = fixture();
    let old = carried(&mut fixture, "c");
    let old = Selector { run_id: Some(fixture.engine().describe(&old).unwrap().run_id), ..old };
    let history = fixture.event_names(&old);
    let completed = history.iter().position(|name| *name == "activity_completed").unwrap() + 1;
    let request = ResetRequest {
        to_event_id: completed as u64,
        reason: "again".into(),
        reapply_signals: true,
        input: Some(long('z')),
        edits: Vec::new(),
        idempotency_key: None,
    };
    let started = fixture.wait(fixture.engine().reset(&old, request)).unwrap();
    let new = Selector { run_id: Some(started.run_id), ..old.clone() };
    let whole = format!("\"{}{}\"", "a".repeat(50_000), "b".repeat(50_000));
    assert_eq!(fixture.result(&new).result, Some(json(&whole)));
    assert_eq!(fixture.table(PAYLOADS).len(), 10);

    fixture.wait(fixture.engine().delete(&old)).unwrap();
    assert_eq!(fixture.table(PAYLOADS).len(), 5);
    fixture.restart_with(worker());
    assert_eq!(fixture.engine().describe(&new).unwrap().input, long('z'));
    assert_eq!(fixture.result(&new).result, Some(json(&whole)));
    fixture.wait(fixture.engine().delete(&new)).unwrap();
    assert_eq!(fixture.table(PAYLOADS).len(), 0);
}

#[test]
fn retention_takes_the_payloads_along() {
    let mut fixture = fixture();
    carried(&mut fixture, "c");
    let settings = NamespaceSettings { retention_ms: Some(60_000), ..NamespaceSettings::default() };
    fixture.wait(fixture.engine().update_namespace("default", settings)).unwrap();
    fixture.advance(Duration::from_secs(7_200));
    fixture.until_counted(|stats| stats.runs_expired == 1);
    // What the counter says is durable with the next answer.
    start(&fixture, TURN.name(), "other", json("[0,\"x\"]"));
    assert_eq!(fixture.table(PAYLOADS).len(), 0);
}

#[test]
fn a_chain_carries_what_is_large_from_run_to_run() {
    let mut fixture = fixture();
    let input = format!("[2,{}]", long('a').as_str());
    let run = start(&fixture, TURN.name(), "t", json(&input));
    // Unread, it travels in what the next run begins with.
    fixture.signal(&run, "more", long('b').as_str());
    fixture.advance(Duration::from_secs(1));
    fixture.restart_with(worker());
    fixture.advance(Duration::from_secs(1));
    let whole = format!("\"{}{}\"", "a".repeat(50_000), "b".repeat(50_000));
    assert_eq!(fixture.result(&run).result, Some(json(&whole)));
    let started = fixture.engine().referring().history(&run, 1, 1).unwrap();
    let shown = serde_json::to_string(&started).unwrap();
    assert!(shown.len() < 2_000 && shown.contains("carried_signals"), "{shown}");
    assert_eq!(fixture.engine().payload(&run, 1, 1).unwrap(), long('b'));
}

#[test]
fn a_child_and_a_failure_bring_what_is_large_along() {
    let mut fixture = fixture();
    let run = start(&fixture, PARENT.name(), "p", long('a'));
    let child = Selector::newest("child");
    fixture.until(&run, |run| run.children == ["child"]);
    fixture.until(&child, |run| run.awaiting.iter().any(|awaited| awaited.kind == "signal"));
    fixture.restart_with(worker());
    fixture.signal(&child, "more", long('b').as_str());
    assert_eq!(fixture.result(&run).result, Some(json("100000")));

    let run = start(&fixture, FAIL.name(), "f", long('c'));
    let failed = fixture.result(&run);
    assert_eq!(failed.status, RunStatus::Failed);
    let details = |failure: &Option<Failure>| failure.as_ref().unwrap().details.clone().unwrap();
    assert_eq!(details(&failed.failure), long('c'));
    fixture.restart_with(worker());
    assert_eq!(details(&fixture.result(&run).failure), long('c'));
    assert_eq!(details(&fixture.engine().describe(&run).unwrap().failure), long('c'));
    let referring = fixture.engine().referring().describe(&run).unwrap();
    assert!(details(&referring.failure).reference().is_some());
}
