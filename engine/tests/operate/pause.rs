//! Pausing: nothing is dispatched, everything is kept, and a replay goes the same way.

use std::time::Duration;

use everstep_engine::{Payload, Rejection, RunStatus, Selector};

use crate::support::{Fixture, json};

fn pause(fixture: &Fixture, selector: &Selector) {
    fixture.wait(fixture.engine().pause(selector, "a look".into())).unwrap();
}

fn resume(fixture: &Fixture, selector: &Selector) {
    fixture.wait(fixture.engine().resume(selector)).unwrap();
}

fn status(fixture: &Fixture, selector: &Selector) -> RunStatus {
    fixture.engine().describe(selector).unwrap().status
}

#[test]
fn signals_and_timers_are_kept_and_acted_on_at_resume() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("approval", json("1000")).workflow_id);
    pause(&fixture, &selector);
    pause(&fixture, &selector);
    fixture.advance(Duration::from_secs(2));
    fixture.signal(&selector, "approve", "\"too late\"");
    assert_eq!(status(&fixture, &selector), RunStatus::Paused);
    // The process may end meanwhile.
    fixture.restart();
    let early = fixture.wait(fixture.engine().result(&selector, Duration::from_millis(1))).unwrap();
    assert_eq!(early.status, RunStatus::Paused);
    resume(&fixture, &selector);
    assert_eq!(fixture.result(&selector).result, Some(json("\"expired\"")));
    assert_eq!(
        fixture.event_names(&selector),
        [
            "workflow_started",
            "timer_started",
            "workflow_paused",
            "timer_fired",
            "signal_received",
            "workflow_resumed",
            "workflow_completed",
        ]
    );
    let refused = fixture.wait(fixture.engine().resume(&selector));
    assert!(matches!(refused, Err(Rejection::WorkflowClosed(..))), "{refused:?}");
}

#[test]
fn what_was_held_is_replayed_event_by_event() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("steps", Payload::null()).workflow_id);
    pause(&fixture, &selector);
    for number in 1..=3 {
        fixture.signal(&selector, "add", &number.to_string());
    }
    resume(&fixture, &selector);
    fixture.restart();
    fixture.signal(&selector, "add", "4");
    pause(&fixture, &selector);
    fixture.signal(&selector, "add", "5");
    fixture.restart();
    resume(&fixture, &selector);
    fixture.restart();
    fixture.signal(&selector, "finish", "null");
    let result = fixture.result(&selector);
    assert_eq!(result.result, Some(json("[1,2,3,4,5]")), "{result:?}");
}

#[test]
fn no_attempt_starts_while_paused() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("flaky", json("1")).workflow_id);
    fixture.until(&selector, |run| {
        run.pending_activities.iter().any(|activity| activity.state == "backing_off")
    });
    pause(&fixture, &selector);
    fixture.advance(Duration::from_secs(600));
    fixture.restart();
    let run = fixture.engine().describe(&selector).unwrap();
    assert_eq!(run.pending_activities[0].state, "backing_off");
    resume(&fixture, &selector);
    assert_eq!(fixture.result(&selector).result, Some(json("2")));
}

#[test]
fn a_failed_task_is_not_tried_while_paused() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("trips", Payload::null()).workflow_id);
    fixture.signal(&selector, "go", "null");
    fixture.until(&selector, |run| run.task_failure.is_some());
    pause(&fixture, &selector);
    fixture.signal(&selector, "finish", "null");
    fixture.take_right(true);
    fixture.restart();
    fixture.advance(Duration::from_secs(120));
    assert!(fixture.engine().describe(&selector).unwrap().task_failure.is_some());
    resume(&fixture, &selector);
    assert_eq!(fixture.result(&selector).result, Some(json("5")));
}

#[test]
fn a_running_activity_may_finish_and_cancellation_waits() {
    let fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("cancellable", Payload::null()).workflow_id);
    fixture.until(&selector, |run| {
        run.pending_activities.iter().any(|activity| activity.state == "started")
    });
    pause(&fixture, &selector);
    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    assert_eq!(status(&fixture, &selector), RunStatus::Paused);
    resume(&fixture, &selector);
    assert_eq!(fixture.result(&selector).status, RunStatus::Cancelled);
}

#[test]
fn a_paused_run_can_be_terminated() {
    let fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("sum", Payload::null()).workflow_id);
    pause(&fixture, &selector);
    fixture.wait(fixture.engine().terminate(&selector, "enough".into())).unwrap();
    assert_eq!(fixture.result(&selector).status, RunStatus::Terminated);
}
