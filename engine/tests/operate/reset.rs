//! Reset: a new run begins with a part of another one's history.

use std::time::Duration;

use everstep_engine::{
    EventEdit, Payload, Rejection, ResetRequest, RunId, RunStatus, Selector, Started,
};

use crate::support::{Fixture, json};

fn reset(
    fixture: &Fixture,
    selector: &Selector,
    request: ResetRequest,
) -> Result<Started, Rejection> {
    fixture.wait(fixture.engine().reset(selector, request))
}

fn run(selector: &Selector, run_id: RunId) -> Selector {
    Selector { run_id: Some(run_id), ..selector.clone() }
}

/// The number of the first event of that type.
fn event(fixture: &Fixture, selector: &Selector, name: &str) -> u64 {
    let names = fixture.event_names(selector);
    names.iter().position(|known| *known == name).unwrap() as u64 + 1
}

#[test]
fn a_closed_run_goes_on_from_an_event() {
    let mut fixture = Fixture::new();
    let started = fixture.start("chain", json("3"));
    let selector = Selector::newest(started.workflow_id);
    assert_eq!(fixture.result(&selector).result, Some(json("3")));
    let edit = EventEdit { event_id: 4, result: Some(json("10")), payload: None };
    let request = ResetRequest { edits: vec![edit], ..ResetRequest::new(4, "a wrong number") };
    let second = reset(&fixture, &selector, request).unwrap();
    assert_ne!(second.run_id, started.run_id);
    assert_eq!(fixture.result(&selector).result, Some(json("12")));
    assert_eq!(
        fixture.event_names(&selector)[..6],
        [
            "workflow_started",
            "activity_scheduled",
            "activity_started",
            "activity_completed",
            "workflow_reset",
            "activity_scheduled",
        ]
    );
    // The run that it came from is as it was.
    assert_eq!(fixture.result(&run(&selector, started.run_id)).result, Some(json("3")));

    // The copy is a history like any other: it survives, and can be reset again.
    fixture.restart();
    let third = reset(&fixture, &selector, ResetRequest::new(1, "from the start")).unwrap();
    assert_eq!(fixture.result(&selector).result, Some(json("3")));
    assert_eq!(fixture.engine().describe(&selector).unwrap().run_id, third.run_id);
}

#[test]
fn an_open_run_is_terminated_and_later_signals_come_again() {
    let mut fixture = Fixture::new();
    let started = fixture.start("steps", Payload::null());
    let selector = Selector::newest(started.workflow_id);
    for number in 1..=3 {
        fixture.signal(&selector, "add", &number.to_string());
        let done = |run: &everstep_engine::RunDescription| run.pending_activities.is_empty();
        fixture.until(&selector, done);
    }
    let to = event(&fixture, &selector, "activity_completed");
    reset(&fixture, &selector, ResetRequest::new(to, "again")).unwrap();
    let old = fixture.result(&run(&selector, started.run_id));
    assert_eq!(old.status, RunStatus::Terminated);
    assert_eq!(old.failure.unwrap().message, "again");
    fixture.restart();
    fixture.signal(&selector, "finish", "null");
    assert_eq!(fixture.result(&selector).result, Some(json("[1,2,3]")));

    let without = ResetRequest { reapply_signals: false, ..ResetRequest::new(to, "fewer") };
    reset(&fixture, &selector, without).unwrap();
    fixture.signal(&selector, "finish", "null");
    fixture.restart();
    assert_eq!(fixture.result(&selector).result, Some(json("[1]")));
}

#[test]
fn what_was_under_way_is_started_anew() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("cancellable", Payload::null()).workflow_id);
    fixture.until(&selector, |run| {
        run.pending_activities.iter().any(|activity| activity.state == "started")
    });
    let to = fixture.engine().describe(&selector).unwrap().history_length;
    reset(&fixture, &selector, ResetRequest::new(to, "again")).unwrap();
    let run = fixture.engine().describe(&selector).unwrap();
    assert_eq!((run.pending_activities[0].attempt, run.status), (1, RunStatus::Running));
    fixture.restart();
    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    assert_eq!(fixture.result(&selector).status, RunStatus::Cancelled);
}

#[test]
fn timers_of_the_copy_fire() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("approval", json("1000")).workflow_id);
    fixture.advance(Duration::from_secs(2));
    assert_eq!(fixture.result(&selector).result, Some(json("\"expired\"")));
    let to = event(&fixture, &selector, "timer_started");
    reset(&fixture, &selector, ResetRequest::new(to, "too early")).unwrap();
    fixture.restart();
    // Its time has passed already.
    assert_eq!(fixture.result(&selector).result, Some(json("\"expired\"")));

    let other = ResetRequest { input: Some(json("5000")), ..ResetRequest::new(1, "longer") };
    reset(&fixture, &selector, other).unwrap();
    fixture.signal(&selector, "approve", "\"ana\"");
    assert_eq!(fixture.result(&selector).result, Some(json("\"ana\"")));
}

#[test]
fn a_paused_cut_goes_on() {
    let fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("sum", Payload::null()).workflow_id);
    fixture.wait(fixture.engine().pause(&selector, String::new())).unwrap();
    fixture.signal(&selector, "add", "1");
    fixture.signal(&selector, "finish", "null");
    let to = event(&fixture, &selector, "signal_received");
    reset(&fixture, &selector, ResetRequest::new(to, "go")).unwrap();
    assert_eq!(fixture.result(&selector).result, Some(json("[1]")));
}

#[test]
fn a_repeated_reset_answers_the_first() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("sum", Payload::null()).workflow_id);
    let request =
        |to| ResetRequest { idempotency_key: Some("k".into()), ..ResetRequest::new(to, "once") };
    let first = reset(&fixture, &selector, request(1)).unwrap();
    fixture.restart();
    assert_eq!(reset(&fixture, &selector, request(1)).unwrap(), first);
    let conflict = reset(&fixture, &selector, request(2));
    assert!(matches!(conflict, Err(Rejection::IdempotencyConflict(_))), "{conflict:?}");
    assert_eq!(fixture.engine().describe(&selector).unwrap().run_id, first.run_id);
}

#[test]
fn what_cannot_be_honoured_leaves_no_trace() {
    let fixture = Fixture::new();
    let started = fixture.start("chain", json("2"));
    let selector = Selector::newest(started.workflow_id);
    fixture.result(&selector);
    let last = fixture.engine().describe(&selector).unwrap().history_length;
    let edit = |event_id, result: Option<&str>, payload: Option<&str>| {
        let edit = EventEdit { event_id, result: result.map(json), payload: payload.map(json) };
        ResetRequest { edits: vec![edit], ..ResetRequest::new(4, "") }
    };
    for (request, why) in [
        (ResetRequest::new(0, ""), "does not exist"),
        (ResetRequest::new(last + 1, ""), "does not exist"),
        (ResetRequest::new(last, ""), "closed by event"),
        (edit(2, Some("1"), None), "cannot be edited so"),
        (edit(4, None, Some("1")), "cannot be edited so"),
        (edit(5, Some("1"), None), "only events up to event 4"),
        (
            ResetRequest { input: Some(json("\"x\"")), ..ResetRequest::new(1, "") },
            "cannot take this input",
        ),
        (ResetRequest { input: Some(json("0")), ..ResetRequest::new(4, "") }, "does not follow"),
    ] {
        match reset(&fixture, &selector, request) {
            Err(Rejection::Unprocessable(message)) => assert!(message.contains(why), "{message}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    assert_eq!(fixture.engine().describe(&selector).unwrap().run_id, started.run_id);
}
