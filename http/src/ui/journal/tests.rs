//! Histories in, groups out.

use std::sync::Arc;

use everstep_engine::kernel::Recorded;
use everstep_engine::{Failure, Payload, RunId};
use expect_test::{Expect, expect};

use super::*;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus_millis(ms)
}

fn started() -> HistoryEvent {
    HistoryEvent::WorkflowStarted(Arc::new(WorkflowStarted {
        namespace: "default".into(),
        workflow_id: "order-1".into(),
        run_id: RunId::from_bytes([7; 16]),
        workflow_type: "order".into(),
        input: Payload::parse("{\"amount\":1}").unwrap(),
        start_delay_ms: None,
        execution_timeout_ms: None,
        run_timeout_ms: None,
        execution_deadline: None,
        memo: None,
        search_attributes: Default::default(),
        build_id: "b1".into(),
        parent: None,
        version: "".into(),
        continued: None,
        reset: None,
        trace: None,
    }))
}

fn scheduled(activity_id: u32, name: &str) -> HistoryEvent {
    HistoryEvent::ActivityScheduled {
        activity_id,
        activity_type: name.into(),
        input: Payload::null(),
        options: None,
        inline: false,
    }
}

fn failed(activity_id: u32, attempt: u32, retry_at: Option<Timestamp>) -> HistoryEvent {
    let failure = Failure::new("declined", "no funds");
    HistoryEvent::ActivityFailed { activity_id, attempt, failure, retry_at }
}

fn journal(events: Vec<HistoryEvent>) -> Journal {
    let mut journal = Journal::default();
    for (index, event) in (0u64..).zip(events) {
        let recorded = Recorded { at: at(index * 100), event };
        journal.take(&EventView { event_id: index + 1, recorded });
    }
    journal
}

fn check(events: Vec<HistoryEvent>, expected: &Expect) {
    let lines: Vec<_> = journal(events)
        .groups()
        .iter()
        .map(|group| {
            format!(
                "#{} {} {} {} tries={} due={} ended={} {:?} {}",
                group.key,
                group.subject.name(),
                group.name,
                group.tone.name(),
                group.tries.len(),
                group.due.is_some(),
                group.ended.is_some(),
                group.events,
                group.preview,
            )
        })
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn attempts_fold_into_their_activity() {
    let events = vec![
        started(),
        scheduled(1, "charge"),
        HistoryEvent::ActivityStarted { activity_id: 1, attempt: 1 },
        failed(1, 1, Some(at(5_000))),
        HistoryEvent::ActivityStarted { activity_id: 1, attempt: 2 },
        failed(1, 2, Some(at(9_000))),
    ];
    check(
        events,
        &expect![[r#"
            #1 run order running tries=0 due=false ended=false [1] {"amount":1}
            #2 activity charge retrying tries=2 due=true ended=false [2, 3, 4, 5, 6] declined: no funds"#]],
    );
}

#[test]
fn the_end_of_the_run_ends_what_was_open() {
    let events = vec![
        started(),
        scheduled(1, "charge"),
        HistoryEvent::TimerStarted { timer_id: 2, fires_at: at(60_000) },
        HistoryEvent::SignalReceived { name: "go".into(), payload: Payload::null() },
        HistoryEvent::WorkflowTerminated { reason: "enough".into() },
    ];
    let journal = journal(events.clone());
    assert_eq!(journal.closed_at(), Some(at(400)));
    assert_eq!(journal.group_of(3).unwrap().name, "timer 59.8 s");
    assert!(journal.group_of(99).is_none());
    check(
        events,
        &expect![[r#"
            #1 run order terminated tries=0 due=false ended=true [1, 5] {"amount":1}
            #2 activity charge cancelled tries=0 due=false ended=true [2, 5] 
            #3 timer timer 59.8 s cancelled tries=0 due=false ended=true [3, 5] 
            #4 signal go completed tries=0 due=false ended=true [4] 
            #5 mark Workflow terminated terminated tries=0 due=false ended=true [5] enough"#]],
    );
}

#[test]
fn two_ids_of_one_series_do_not_mix() {
    let events = vec![
        started(),
        scheduled(1, "a"),
        scheduled(2, "b"),
        HistoryEvent::ActivityCompleted { activity_id: 2, result: Payload::null() },
        HistoryEvent::ActivityCompleted { activity_id: 1, result: Payload::null() },
    ];
    check(
        events,
        &expect![[r#"
            #1 run order running tries=0 due=false ended=false [1] {"amount":1}
            #2 activity a completed tries=0 due=false ended=true [2, 5] null
            #3 activity b completed tries=0 due=false ended=true [3, 4] null"#]],
    );
}
