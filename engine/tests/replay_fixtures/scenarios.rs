//! How each fixture came about: the engine over the real store, on a manual clock.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use everstep_engine::{
    EventEdit, Payload, ResetRequest, RunDescription, RunId, Selector, StartRequest, TaskToken,
    UpdateInput,
};
use everstep_storage::testing::{FaultDisk, Honesty};
use everstep_storage::{EmbeddedConfig, EmbeddedStore, Threads};

use crate::support::{Fixture, json};
use crate::{files, workflows};

const SECOND: Duration = Duration::from_secs(1);

/// What happens; the runs that are kept, the first under the scenario's own name.
type Scenario = fn(&Fixture) -> Vec<Selector>;

/// In the order in which they came.
pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("activities", activities),
    ("completed_from_outside", completed_from_outside),
    ("late_result", late_result),
    ("timers_and_signals", timers_and_signals),
    ("withdrawn", withdrawn),
    ("cancelled", cancelled),
    ("terminated", terminated),
    ("timed_out", timed_out),
    ("failed", failed),
    ("stuck_and_mended", stuck_and_mended),
    ("paused", paused),
    ("children", children),
    ("requests", requests),
    ("updates", updates),
    ("patches", patches),
    ("continued_as_new", continued_as_new),
    ("reset", reset),
    ("upserts", upserts),
];

/// Plays those scenarios that have no file.
pub(crate) fn write_missing() {
    for (name, scenario) in SCENARIOS {
        if files::is_there("runs", name) {
            continue;
        }
        let disk = FaultDisk::new(Honesty::Honest);
        let store = EmbeddedStore::open_with(disk, EmbeddedConfig::default(), Threads::Own);
        let mut fixture = Fixture::over(Arc::new(store.unwrap()), 1 << 30);
        fixture.restart_with(workflows::worker());
        for (number, selector) in (1..).zip(scenario(&fixture)) {
            let file = if number == 1 { (*name).to_owned() } else { format!("{name}-{number}") };
            files::write("runs", &file, &fixture.engine().export(&selector, 1).unwrap());
        }
    }
}

fn start(fixture: &Fixture, kind: &str, input: &str) -> Selector {
    start_as(fixture, StartRequest::new(kind, json(input)), kind)
}

fn start_as(fixture: &Fixture, request: StartRequest, id: &str) -> Selector {
    let request = StartRequest { workflow_id: Some(id.to_owned()), ..request };
    fixture.wait(fixture.engine().start(request)).unwrap();
    Selector::newest(id)
}

/// Moves the clock, second by second, until the run looks so.
fn advance_until(fixture: &Fixture, selector: &Selector, wanted: impl Fn(&RunDescription) -> bool) {
    for _ in 0..200 {
        // What runs by itself meanwhile has its time, too.
        fixture.wait(fixture.engine().result(selector, Duration::from_millis(20))).unwrap();
        if wanted(&fixture.engine().describe(selector).unwrap()) {
            return;
        }
        fixture.advance(SECOND);
    }
    panic!("{:#?}", fixture.engine().describe(selector));
}

fn advance_to_end(fixture: &Fixture, selector: &Selector) {
    advance_until(fixture, selector, |run| run.status.is_closed());
}

fn run(selector: &Selector, run_id: RunId) -> Selector {
    Selector { run_id: Some(run_id), ..selector.clone() }
}

fn activities(fixture: &Fixture) -> Vec<Selector> {
    let mut request = StartRequest::new("activities", json("\"Ada\""));
    request.memo = Some(json(r#"{"note":"kept for ever"}"#));
    request.search_attributes = [("customer".to_owned(), json("\"c-1\""))].into();
    let selector = start_as(fixture, request, "activities");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn completed_from_outside(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "outside", "null");
    let handed_over = |attempt: u32| {
        move |run: &RunDescription| {
            let activity = run.pending_activities.first();
            activity.is_some_and(|one| one.attempt == attempt && one.state == "handed_over")
        }
    };
    let run_id = fixture.engine().describe(&selector).unwrap().run_id;
    let report = |attempt: u32| {
        let token: TaskToken = format!("{run_id}.1.{attempt}").parse().unwrap();
        fixture.wait(fixture.engine().complete_activity(&token, json("\"done\"")))
    };
    advance_until(fixture, &selector, handed_over(1));
    advance_until(fixture, &selector, handed_over(2));
    // The first one ran out of time.
    report(1).unwrap_err();
    report(2).unwrap();
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn late_result(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "late", "null");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn timers_and_signals(fixture: &Fixture) -> Vec<Selector> {
    let mut request = StartRequest::new("timers_and_signals", Payload::null());
    request.start_delay_ms = Some(1_000);
    let selector = start_as(fixture, request, "timers_and_signals");
    fixture.advance(SECOND);
    fixture.advance(SECOND);
    fixture.signal(&selector, "go", "\"a word\"");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn withdrawn(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "withdrawn", "null");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn cancelled(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "sleeper", "null");
    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn terminated(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "sleeper", "null");
    fixture.wait(fixture.engine().terminate(&selector, "enough".into())).unwrap();
    vec![selector]
}

fn timed_out(fixture: &Fixture) -> Vec<Selector> {
    let mut request = StartRequest::new("sleeper", Payload::null());
    request.execution_timeout_ms = Some(2_000);
    let selector = start_as(fixture, request, "timed_out");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn failed(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "fails", "null");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn stuck_and_mended(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "stuck", "null");
    fixture.until(&selector, |run| run.pending_activities.is_empty());
    workflows::BROKEN.store(true, Ordering::SeqCst);
    fixture.signal(&selector, "go", "\"one\"");
    fixture.until(&selector, |run| run.task_failure.is_some());
    fixture.signal(&selector, "go", "\"two\"");
    workflows::BROKEN.store(false, Ordering::SeqCst);
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn paused(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "collector", "null");
    fixture.wait(fixture.engine().pause(&selector, "a look".into())).unwrap();
    for word in ["\"one\"", "\"two\""] {
        fixture.signal(&selector, "go", word);
    }
    fixture.wait(fixture.engine().resume(&selector)).unwrap();
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn children(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "parent", "\"family\"");
    let terminated = Selector::newest("family-be_terminated");
    advance_until(fixture, &selector, |_| fixture.engine().describe(&terminated).is_ok());
    fixture.wait(fixture.engine().terminate(&terminated, "enough".into())).unwrap();
    advance_to_end(fixture, &selector);
    vec![selector, Selector::newest("family-complete"), Selector::newest("family-be_dropped")]
}

fn requests(fixture: &Fixture) -> Vec<Selector> {
    let targets = ["requests-open", "requests-second"]
        .map(|id| start_as(fixture, StartRequest::new("sleeper", Payload::null()), id));
    let selector = start(fixture, "requests", "\"requests\"");
    advance_to_end(fixture, &selector);
    let [open, second] = targets;
    vec![selector, open, second]
}

fn updates(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "register", "null");
    for id in ["first", "second"] {
        let update =
            UpdateInput { name: "set".into(), payload: json("41"), update_id: Some(id.to_owned()) };
        fixture.wait(fixture.engine().update(&selector, update, 20 * SECOND)).unwrap();
    }
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn patches(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "patched", "null");
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn continued_as_new(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "chain", "1");
    let first = fixture.engine().describe(&selector).unwrap().run_id;
    fixture.wait(fixture.engine().pause(&selector, "so that two signals wait".into())).unwrap();
    for word in ["\"one\"", "\"two\""] {
        fixture.signal(&selector, "go", word);
    }
    fixture.wait(fixture.engine().resume(&selector)).unwrap();
    advance_to_end(fixture, &selector);
    vec![run(&selector, first), selector]
}

fn reset(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "fails", "null");
    advance_to_end(fixture, &selector);
    let edit = EventEdit { event_id: 4, result: Some(json("\"edited\"")), payload: None };
    let request = ResetRequest { edits: vec![edit], ..ResetRequest::new(4, "once more") };
    fixture.wait(fixture.engine().reset(&selector, request)).unwrap();
    advance_to_end(fixture, &selector);
    vec![selector]
}

fn upserts(fixture: &Fixture) -> Vec<Selector> {
    let selector = start(fixture, "upserts", "\"ada\"");
    advance_to_end(fixture, &selector);
    vec![selector]
}
