use super::*;
use crate::kernel::{ActivityOptions, Deadline, HistoryEvent, RetryPolicy, WorkflowStarted, apply};
use crate::{Payload, RunId};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + ms)
}

fn run(start_delay_ms: Option<u64>) -> Run {
    let started = WorkflowStarted {
        namespace: "default".into(),
        workflow_id: "w".into(),
        run_id: RunId::from_bytes([3; 16]),
        workflow_type: "t".into(),
        input: Payload::null(),
        start_delay_ms,
        execution_timeout_ms: None,
        memo: None,
        search_attributes: Default::default(),
        build_id: "b".into(),
        parent: None,
        version: "".into(),
        continued: None,
        run_timeout_ms: None,
        execution_deadline: None,
        reset: None,
        trace: None,
    };
    Run::begin(&HistoryEvent::WorkflowStarted(started.into()), at(0)).unwrap()
}

/// Decides and applies; the names of what happened.
fn act(run: &mut Run, command: Command, now: Timestamp) -> Vec<&'static str> {
    let events = decide(run, command, now).unwrap();
    events.iter().for_each(|event| apply(run, event, now));
    events.iter().map(HistoryEvent::name).collect()
}

fn schedule(max_attempts: Option<u32>) -> Command {
    let retry = RetryPolicy { max_attempts, ..RetryPolicy::DEFAULT };
    Command::ScheduleActivity {
        activity_id: 1,
        activity_type: "a".into(),
        input: Payload::null(),
        options: Some(Box::new(ActivityOptions { retry, ..ActivityOptions::DEFAULT })),
        inline: false,
    }
}

fn fail(attempt: u32, kind: &str) -> Command {
    Command::FailActivity { activity_id: 1, attempt, failure: Failure::new(kind, "") }
}

#[test]
fn results_are_fenced_by_attempt() {
    let mut run = run(None);
    act(&mut run, schedule(None), at(0));
    act(&mut run, Command::RetryActivity { activity_id: 1 }, at(0));
    act(&mut run, fail(1, "x"), at(1));
    act(&mut run, Command::RetryActivity { activity_id: 1 }, at(5_000));
    let complete =
        |attempt| Command::CompleteActivity { activity_id: 1, attempt, result: Payload::null() };
    assert_eq!(act(&mut run, complete(1), at(5_001)), ["activity_result_late"]);
    assert_eq!(act(&mut run, complete(2), at(5_002)), ["activity_completed"]);
    assert_eq!(act(&mut run, fail(1, "x"), at(5_003)), ["activity_result_late"]);
    assert!(run.activities.is_empty());
}

#[test]
fn the_last_attempt_is_final_and_counts_the_lost_ones() {
    let mut run = run(None);
    act(&mut run, schedule(Some(2)), at(0));
    act(&mut run, Command::RetryActivity { activity_id: 1 }, at(0));
    act(&mut run, fail(1, LOST), at(1));
    let waits = run.activities[&1].state;
    assert_eq!(waits, ActivityState::BackingOff(at(1)), "the first lost attempt waits for nothing");
    act(&mut run, Command::RetryActivity { activity_id: 1 }, at(1));
    let events = decide(&run, fail(2, LOST), at(2)).unwrap();
    let [HistoryEvent::ActivityFailed { retry_at: None, failure, .. }] = &events[..] else {
        unreachable!("{events:?}")
    };
    assert_eq!(failure.attempts, Some(2));
}

#[test]
fn a_failure_that_cannot_be_mended_is_not_retried() {
    for failure in [Failure::new("x", "").non_retryable(), Failure::new("fatal", "")] {
        let mut run = run(None);
        let mut command = schedule(None);
        if let Command::ScheduleActivity { options: Some(options), .. } = &mut command {
            options.retry.non_retryable = vec!["fatal".into()];
        }
        act(&mut run, command, at(0));
        act(&mut run, Command::RetryActivity { activity_id: 1 }, at(0));
        act(&mut run, Command::FailActivity { activity_id: 1, attempt: 1, failure }, at(1));
        assert!(run.activities.is_empty());
    }
}

#[test]
fn a_closed_run_refuses_what_comes_from_outside_and_ignores_the_rest() {
    let mut run = run(None);
    act(&mut run, Command::StartTimer { timer_id: 1, fires_at: at(9) }, at(0));
    act(&mut run, Command::Terminate { reason: "enough".into() }, at(1));
    assert_eq!(run.status, crate::RunStatus::Terminated);
    assert!(run.wakers().is_empty());
    assert!(act(&mut run, Command::FireTimer { timer_id: 1 }, at(9)).is_empty());
    let signal = Command::Signal { name: "s".into(), payload: Payload::null() };
    for command in [signal, Command::RequestCancel, Command::Terminate { reason: "again".into() }] {
        let refused = decide(&run, command, at(2));
        assert!(matches!(refused, Err(Rejection::WorkflowClosed(..))), "{refused:?}");
    }
}

#[test]
fn a_run_that_has_not_begun_is_cancelled_at_once() {
    let mut run = run(Some(60_000));
    assert_eq!(
        act(&mut run, Command::RequestCancel, at(1)),
        ["workflow_cancel_requested", "workflow_cancelled"]
    );
}

#[test]
fn the_same_task_failure_is_recorded_once() {
    let mut run = run(None);
    let failure = |message: &str, ms| {
        Command::FailTask(Box::new(crate::kernel::TaskFailure {
            kind: crate::kernel::TaskFailureKind::Panic,
            message: message.into(),
            event_id: None,
            recorded: None,
            asked: None,
            location: None,
            at: at(ms),
        }))
    };
    assert_eq!(act(&mut run, failure("a", 1), at(1)), ["workflow_task_failed"]);
    assert!(act(&mut run, failure("a", 2), at(2)).is_empty());
    assert_eq!(act(&mut run, failure("b", 3), at(3)), ["workflow_task_failed"]);
    assert_eq!(act(&mut run, Command::RecoverTask, at(4)), ["workflow_task_recovered"]);
    assert!(act(&mut run, Command::RecoverTask, at(5)).is_empty());
}

fn schedule_with(options: ActivityOptions) -> Command {
    Command::ScheduleActivity {
        activity_id: 1,
        activity_type: "a".into(),
        input: Payload::null(),
        options: Some(Box::new(options)),
        inline: false,
    }
}

fn time_out(timeout: ActivityTimeout) -> Command {
    let last_heartbeat = Some(Payload::parse("7").unwrap());
    Command::TimeOutActivity { activity_id: 1, timeout, last_heartbeat }
}

#[test]
fn no_attempt_begins_when_the_activitys_time_is_over() {
    let mut run = run(None);
    act(
        &mut run,
        schedule_with(ActivityOptions {
            schedule_to_close_ms: Some(4_000),
            retry: RetryPolicy { jitter_percent: 0, ..RetryPolicy::DEFAULT },
            ..ActivityOptions::DEFAULT
        }),
        at(0),
    );
    let retry = Command::RetryActivity { activity_id: 1 };
    act(&mut run, retry.clone(), at(0));
    act(&mut run, fail(1, "x"), at(500));
    assert_eq!(run.activities[&1].state, ActivityState::BackingOff(at(1_500)));
    act(&mut run, retry, at(1_500));
    // The pause of 2 s would end in time, the one that begins a moment later would not.
    let mut later = run.clone();
    act(&mut run, fail(2, "x"), at(1_999));
    assert_eq!(run.activities[&1].state, ActivityState::BackingOff(at(3_999)));
    act(&mut later, fail(2, "x"), at(2_000));
    assert!(later.activities.is_empty());
}

#[test]
fn timeouts_say_which_and_only_two_of_them_are_tried_again() {
    for (timeout, retried) in [
        (ActivityTimeout::StartToClose, true),
        (ActivityTimeout::Heartbeat, true),
        (ActivityTimeout::ScheduleToClose, false),
        (ActivityTimeout::ScheduleToStart, false),
    ] {
        let mut run = run(None);
        act(&mut run, schedule(None), at(0));
        act(&mut run, Command::RetryActivity { activity_id: 1 }, at(0));
        let events = decide(&run, time_out(timeout), at(1)).unwrap();
        let [HistoryEvent::ActivityFailed { failure, retry_at, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(retry_at.is_some(), retried, "{timeout:?}");
        assert_eq!(failure.timeout.as_deref(), Some(timeout.name()));
        let json = serde_json::to_value(failure).unwrap();
        assert_eq!((&json["type"], &json["last_heartbeat"]), (&"timeout".into(), &7.into()));
    }
}

#[test]
fn an_attempt_that_goes_on_outside_is_kept_by_durable_deadlines_alone() {
    let mut run = run(None);
    act(
        &mut run,
        schedule_with(ActivityOptions {
            start_to_close_ms: 10_000,
            heartbeat_ms: Some(3_000),
            ..ActivityOptions::DEFAULT
        }),
        at(0),
    );
    act(&mut run, Command::RetryActivity { activity_id: 1 }, at(0));
    let activity = &run.activities[&1];
    let heartbeat = Deadline::Timeout(ActivityTimeout::Heartbeat);
    assert_eq!(activity.attempt_deadline(None), Some((at(3_000), heartbeat)));
    assert_eq!(activity.durable_deadline(None), None);
    assert!(run.is_active());

    let hand_over = Command::HandOverActivity { activity_id: 1, attempt: 1 };
    assert_eq!(act(&mut run, hand_over.clone(), at(1_000)), ["activity_handed_over"]);
    assert!(act(&mut run, hand_over, at(1_000)).is_empty());
    let activity = &run.activities[&1];
    assert_eq!(activity.attempt_deadline(None), None);
    assert_eq!(activity.durable_deadline(Some(at(2_500))), Some((at(5_500), heartbeat)));
    let start_to_close = Deadline::Timeout(ActivityTimeout::StartToClose);
    assert_eq!(activity.durable_deadline(Some(at(8_000))), Some((at(10_000), start_to_close)));
    assert!(!run.is_active(), "no process works for it");
    assert_eq!(run.wakers(), [crate::kernel::Waker::Report(1)]);

    act(&mut run, Command::CancelActivity { activity_id: 1 }, at(2_000));
    act(&mut run, Command::AbandonActivity { activity_id: 1 }, at(9_000));
    assert!(run.activities.is_empty());
}

#[test]
fn a_run_is_timed_out_by_the_first_of_two_timeouts() {
    let begin = |run_timeout_ms, execution_ms: Option<i64>| {
        let mut started = (*run(Some(500)).started).clone();
        started.run_timeout_ms = run_timeout_ms;
        started.execution_deadline = execution_ms.map(at);
        Run::begin(&HistoryEvent::WorkflowStarted(started.into()), at(0)).unwrap()
    };
    assert_eq!(begin(None, None).deadline(), None);
    assert_eq!(begin(Some(1_000), None).deadline(), Some((at(1_500), "run")));
    assert_eq!(begin(Some(1_000), Some(1_500)).deadline(), Some((at(1_500), "execution")));
    let mut run = begin(Some(1_000), Some(9_000));
    assert_eq!(act(&mut run, Command::TimeOut, at(1_500)), ["workflow_timed_out"]);
    assert_eq!(run.failure.unwrap().timeout.as_deref(), Some("run"));
}
