//! The engine through its public handle, over a store in memory that outlives it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod event_log;
mod large;
mod limits;
mod operate;
mod support;
mod transactions;
mod updates;

use std::time::Duration;

use everstep_engine::{Failure, Payload, RunStatus, Selector, SignalInput, StartRequest, Worker};
use support::{Fixture, json};

#[test]
fn a_chain_of_activities_runs_to_its_end() {
    let fixture = Fixture::new();
    let result = fixture.run("chain", json("5"));
    assert_eq!(result.status, RunStatus::Completed, "{result:?}");
    assert_eq!(result.result, Some(json("5")));
}

#[test]
fn parallel_activities_are_joined() {
    let fixture = Fixture::new();
    let result = fixture.run("fan_out", json("1000"));
    assert_eq!(result.result, Some(json("499500")), "{result:?}");
}

#[test]
fn inline_steps_may_wait_on_the_runtime() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run("inline", json("3")).result, Some(json("3")));
}

#[test]
fn signals_are_buffered_and_taken_in_order() {
    let fixture = Fixture::new();
    let started = fixture.start("sum", Payload::null());
    let selector = Selector::newest(started.workflow_id);
    for number in 1..=10 {
        fixture.signal(&selector, "add", &number.to_string());
    }
    fixture.signal(&selector, "finish", "null");
    let result = fixture.result(&selector);
    assert_eq!(result.result, Some(json("[1,2,3,4,5,6,7,8,9,10]")), "{result:?}");
}

#[test]
fn a_deadline_races_a_signal_on_the_manual_clock() {
    let fixture = Fixture::new();
    let expired = fixture.start("approval", json("86400000"));
    let approved = fixture.start("approval", json("86400000"));
    let selector = Selector::newest(approved.workflow_id);
    fixture.signal(&selector, "approve", "\"ana\"");
    assert_eq!(fixture.result(&selector).result, Some(json("\"ana\"")));
    fixture.advance(Duration::from_secs(86_400));
    let result = fixture.result(&Selector::newest(expired.workflow_id));
    assert_eq!(result.result, Some(json("\"expired\"")));
}

#[test]
fn everything_goes_on_after_the_engine_is_gone() {
    let mut fixture = Fixture::new();
    let started = fixture.start("approval", json("1000"));
    let other = fixture.start("sum", Payload::null());
    let sum = Selector::newest(other.workflow_id);
    fixture.signal(&sum, "add", "7");
    fixture.restart();
    fixture.signal(&sum, "add", "8");
    fixture.restart();
    fixture.signal(&sum, "finish", "null");
    assert_eq!(fixture.result(&sum).result, Some(json("[7,8]")));
    fixture.advance(Duration::from_secs(1));
    let result = fixture.result(&Selector::newest(started.workflow_id));
    assert_eq!(result.result, Some(json("\"expired\"")));
}

#[test]
fn failing_activities_are_retried_until_they_may_not() {
    let fixture = Fixture::new();
    let started = fixture.start("flaky", json("2"));
    let selector = Selector::newest(started.workflow_id);
    fixture.advance(Duration::from_secs(60));
    assert_eq!(fixture.result(&selector).result, Some(json("3")));

    let started = fixture.start("flaky", json("100"));
    let selector = Selector::newest(started.workflow_id);
    fixture.advance(Duration::from_secs(600));
    let failure: Failure = fixture.result(&selector).failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.attempts), ("flaky", Some(4)));
}

#[test]
fn cancellation_reaches_the_activity_and_the_clean_up_is_shielded() {
    let fixture = Fixture::new();
    let started = fixture.start("cancellable", Payload::null());
    let selector = Selector::newest(started.workflow_id);
    fixture.wait(fixture.engine().cancel(&selector)).unwrap();
    assert_eq!(fixture.result(&selector).status, RunStatus::Cancelled);
    let events = fixture.event_names(&selector);
    let of = |name: &str| events.iter().position(|event| *event == name).unwrap();
    assert!(of("activity_cancel_requested") < of("activity_cancelled"), "{events:?}");
    assert!(of("activity_cancelled") < of("activity_completed"), "{events:?}");
}

#[test]
fn a_panic_and_a_wait_for_nothing_stop_the_task_and_not_the_run() {
    let fixture = Fixture::new();
    for (kind, name) in [("panics", "panic"), ("blocked", "not_durable")] {
        let started = fixture.start(kind, Payload::null());
        let selector = Selector::newest(started.workflow_id);
        let description = fixture.engine().describe(&selector).unwrap();
        assert_eq!(description.status, RunStatus::Running);
        assert_eq!(description.task_failure.unwrap().kind.name(), name);
        fixture.advance(Duration::from_secs(200));
        let events = fixture.event_names(&selector);
        assert_eq!(events, ["workflow_started", "workflow_task_failed"], "it must not grow");
    }
}

#[test]
fn another_way_than_recorded_is_a_mismatch_and_heals() {
    let mut fixture = Fixture::new();
    let started = fixture.start("fork", Payload::null());
    let selector = Selector::newest(started.workflow_id);
    fixture.take_right(true);
    fixture.restart();
    fixture.signal(&selector, "go", "null");
    let failure = fixture.engine().describe(&selector).unwrap().task_failure.unwrap();
    assert_eq!(failure.kind.name(), "non_determinism");
    assert!(failure.recorded.as_ref().unwrap().contains("left"), "{failure:?}");
    assert!(failure.asked.as_ref().unwrap().contains("right"), "{failure:?}");
    assert!(failure.location.as_ref().unwrap().contains("support"), "{failure:?}");
    fixture.take_right(false);
    fixture.advance(Duration::from_secs(60));
    assert_eq!(fixture.result(&selector).result, Some(json("\"left\"")));
    fixture.restart();
    let events = fixture.event_names(&selector);
    assert!(events.contains(&"workflow_task_recovered"), "{events:?}");
}

#[test]
fn what_is_evicted_comes_back() {
    let fixture = Fixture::with_budget(0);
    let selectors: Vec<Selector> = (0..50)
        .map(|_| Selector::newest(fixture.start("sum", Payload::null()).workflow_id))
        .collect();
    for selector in &selectors {
        for number in 0..3 {
            fixture.signal(selector, "add", &number.to_string());
        }
    }
    for selector in &selectors {
        fixture.signal(selector, "finish", "null");
        assert_eq!(fixture.result(selector).result, Some(json("[0,1,2]")));
    }
    let stats = fixture.engine().stats();
    assert!(stats.evictions > 0 && stats.replays > 0, "{stats:?}");
}

#[test]
fn a_start_with_a_signal_and_a_delay_keeps_the_signal() {
    let fixture = Fixture::new();
    let mut request = StartRequest::new("approval", json("86400000"));
    request.start_delay_ms = Some(5_000);
    request.signal = Some(SignalInput { name: "approve".into(), payload: json("\"bo\"") });
    let started = fixture.wait(fixture.engine().start(request)).unwrap();
    let selector = Selector::newest(started.workflow_id);
    assert_eq!(fixture.event_names(&selector), ["workflow_started", "signal_received"]);
    fixture.advance(Duration::from_secs(5));
    assert_eq!(fixture.result(&selector).result, Some(json("\"bo\"")));
}

#[test]
fn a_build_that_does_not_know_the_type_keeps_what_happens() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("sum", Payload::null()).workflow_id);
    fixture.signal(&selector, "add", "7");
    fixture.restart_with(Worker::new());
    fixture.signal(&selector, "add", "8");
    let failure = fixture.engine().describe(&selector).unwrap().task_failure.unwrap();
    assert_eq!(failure.kind.name(), "unregistered");
    fixture.restart();
    fixture.signal(&selector, "finish", "null");
    assert_eq!(fixture.result(&selector).result, Some(json("[7,8]")));
}

#[test]
fn what_ended_while_the_code_could_not_run_is_not_withdrawn_again() {
    let mut fixture = Fixture::new();
    let selector = Selector::newest(fixture.start("trips", Payload::null()).workflow_id);
    fixture.signal(&selector, "go", "null");
    // The loser of the race fires before the code can cancel it.
    fixture.advance(Duration::from_secs(10));
    assert!(fixture.event_names(&selector).contains(&"timer_fired"));
    fixture.take_right(true);
    fixture.advance(Duration::from_secs(60));
    assert!(fixture.event_names(&selector).contains(&"workflow_task_recovered"));
    fixture.restart();
    fixture.signal(&selector, "finish", "null");
    assert_eq!(fixture.result(&selector).result, Some(json("5")));
}
