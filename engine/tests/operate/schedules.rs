//! Schedules through the engine's handle: they fire once, survive the engine, and never block in
//! silence.

use std::time::Duration;

use everstep_engine::{
    Backfill, DEFAULT_NAMESPACE as NS, ListFilter, Overlap, RunStatus, Schedule, ScheduleAction,
    ScheduleDefinition, ScheduleDescription, ScheduleHealthState, ScheduleInput, ScheduleSpec,
    Selector, Timestamp, Triggered, Workflow,
};

use crate::support::{Fixture, json};

const MINUTE: Duration = Duration::from_secs(60);

fn every_minute(workflow_type: &str, input: &str, overlap: Overlap) -> ScheduleInput {
    let spec = ScheduleSpec { interval_ms: Some(60_000), ..ScheduleSpec::default() };
    let (workflow_type, input) = (workflow_type.to_owned(), json(input));
    let action = ScheduleAction { workflow_type, input, ..ScheduleAction::default() };
    let mut definition = ScheduleDefinition::new(spec, action);
    definition.overlap = overlap;
    ScheduleInput { definition, ..ScheduleInput::default() }
}

fn create(fixture: &Fixture, id: &str, input: ScheduleInput) {
    fixture.wait(fixture.engine().create_schedule(NS, id, input)).unwrap();
}

fn describe(fixture: &Fixture, id: &str) -> ScheduleDescription {
    fixture.engine().schedule(NS, id).unwrap()
}

/// The ids of all runs of a schedule, oldest first.
fn runs(fixture: &Fixture, id: &str) -> Vec<String> {
    let mut filter = ListFilter { namespace: NS.to_owned(), ..ListFilter::default() };
    filter.attributes.insert("schedule_id".to_owned(), id.to_owned());
    let page = fixture.engine().list(&filter, 10_000, None).unwrap();
    page.workflows.into_iter().rev().map(|run| run.workflow_id).collect()
}

fn ids(id: &str, instants: &[Timestamp]) -> Vec<String> {
    instants.iter().map(|at| format!("{id}-{at}")).collect()
}

#[test]
fn fires_once_at_each_instant_across_restarts() {
    let mut fixture = Fixture::new();
    create(&fixture, "s", every_minute("chain", "1", Overlap::Skip));
    let next = describe(&fixture, "s").next;
    assert_eq!(next.len(), 5);
    for _ in 0..5 {
        fixture.advance(MINUTE / 2);
        fixture.restart();
        fixture.advance(MINUTE / 2);
        fixture.restart();
    }
    assert_eq!(runs(&fixture, "s"), ids("s", &next));
    let shown = describe(&fixture, "s");
    assert_eq!((shown.counters.started, shown.running_count), (5, 0));
    assert!(shown.recent.iter().all(|run| run.status == RunStatus::Completed), "{shown:?}");
    assert_eq!(shown.health.state, ScheduleHealthState::Ok);
}

#[test]
fn a_stuck_run_shows_with_what_was_skipped_because_of_it() {
    let mut fixture = Fixture::new();
    create(&fixture, "s", every_minute("sum", "null", Overlap::Skip));
    fixture.advance(MINUTE * 15);
    fixture.restart();
    let shown = describe(&fixture, "s");
    let stuck = shown.running[0].clone();
    assert_eq!(shown.health.state, ScheduleHealthState::Blocked);
    assert_eq!(
        shown.health.message,
        format!(
            "skipped 14 times because run {} is still running since {}",
            stuck.workflow_id, stuck.started_at
        )
    );
    fixture.signal(&Selector::newest(stuck.workflow_id), "finish", "null");
    let shown = describe(&fixture, "s");
    assert_eq!((shown.health.state, shown.counters.skipped), (ScheduleHealthState::Ok, 14));
    fixture.advance(MINUTE);
    assert_eq!(runs(&fixture, "s").len(), 2);
}

#[test]
fn what_waits_starts_when_the_run_closes_also_after_a_restart() {
    let mut fixture = Fixture::new();
    create(&fixture, "s", every_minute("sum", "null", Overlap::BufferAll));
    fixture.advance(MINUTE * 4);
    for open in 1..=4_u64 {
        let shown = describe(&fixture, "s");
        assert_eq!((shown.running_count, shown.buffered), (1, 4 - open), "{shown:?}");
        fixture.restart();
        let run = Selector::newest(shown.running[0].workflow_id.clone());
        fixture.signal(&run, "finish", "null");
        fixture.result(&run);
    }
    assert_eq!(runs(&fixture, "s").len(), 4);
    assert_eq!(describe(&fixture, "s").running_count, 0);
}

#[test]
fn the_next_run_ends_the_one_before() {
    let fixture = Fixture::new();
    create(&fixture, "c", every_minute("cancellable", "null", Overlap::CancelOther));
    create(&fixture, "t", every_minute("sum", "null", Overlap::TerminateOther));
    fixture.advance(MINUTE * 3);
    let status = |id: &str| {
        let selector = Selector::newest(id);
        fixture.engine().describe(&selector).unwrap().status
    };
    let terminated = runs(&fixture, "t");
    assert_eq!(terminated.len(), 3);
    assert_eq!(status(&terminated[0]), RunStatus::Terminated);
    assert_eq!(status(&terminated[1]), RunStatus::Terminated);
    assert_eq!(status(&terminated[2]), RunStatus::Running);
    let cancelled = runs(&fixture, "c");
    let first = fixture.result(&Selector::newest(cancelled[0].clone()));
    assert_eq!(first.status, RunStatus::Cancelled);
    assert_eq!(describe(&fixture, "t").running_count, 1);
}

#[test]
fn triggers_pauses_limits_and_backfills() {
    let mut fixture = Fixture::new();
    let mut input = every_minute("chain", "0", Overlap::AllowAll);
    input.definition.limit = Some(3);
    input.paused = Some(true);
    input.note = Some("not yet".to_owned());
    create(&fixture, "s", input);
    fixture.advance(MINUTE * 2);
    assert!(runs(&fixture, "s").is_empty());
    let engine = fixture.engine();
    let ids: Vec<String> = (0..3)
        .map(|_| match fixture.wait(engine.trigger_schedule(NS, "s", None)).unwrap() {
            Triggered::Started { workflow_id, .. } => workflow_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids[1], format!("{}-2", ids[0]), "three triggers of one instant are three runs");
    fixture.wait(engine.resume_schedule(NS, "s", None)).unwrap();
    assert_eq!(describe(&fixture, "s").counters.paused_over, 2);
    fixture.restart();
    fixture.advance(MINUTE * 10);
    let shown = describe(&fixture, "s");
    assert_eq!((shown.counters.started, shown.remaining), (6, Some(0)));
    assert_eq!(shown.health.state, ScheduleHealthState::Finished);
    assert!(shown.next.is_empty());

    let now = fixture.engine().now();
    let from = Timestamp::from_millis(now.as_millis() - 200 * 60_000);
    let to = Timestamp::from_millis(now.as_millis() - 60 * 60_000);
    let backfill = Backfill { from, to, overlap: None };
    let count = fixture.wait(fixture.engine().backfill_schedule(NS, "s", backfill)).unwrap();
    assert!((140..=141).contains(&count), "{count}");
    fixture.advance(Duration::ZERO);
    assert_eq!(runs(&fixture, "s").len() as u64, 6 + count);
    assert_eq!(describe(&fixture, "s").backfills, 0);
    // What ran does not run again.
    fixture.wait(fixture.engine().backfill_schedule(NS, "s", backfill)).unwrap();
    fixture.advance(Duration::ZERO);
    let shown = describe(&fixture, "s");
    assert_eq!((shown.counters.started, shown.counters.refused), (6 + count, count));
    assert_eq!(shown.health.state, ScheduleHealthState::Refused);
}

#[test]
fn a_declared_schedule_is_created_once_and_follows_the_program_and_the_operator() {
    let mut fixture = Fixture::new();
    const CHAIN: Workflow<u64, u64> = Workflow::new("chain");
    let nightly =
        |cron: &str| Schedule::new("nightly", CHAIN, &0).cron(cron).timezone("Europe/Berlin");
    fixture.restart_declaring(nightly("0 3 * * *"));
    fixture.wait(fixture.engine().pause_schedule(NS, "nightly", Some("audit".into()))).unwrap();
    let mut by_hand = nightly("0 4 * * *").input().clone();
    by_hand.note = Some("later".to_owned());
    fixture.wait(fixture.engine().update_schedule(NS, "nightly", by_hand)).unwrap();
    fixture.restart_declaring(nightly("0 3 * * *"));
    let shown = describe(&fixture, "nightly");
    assert_eq!((shown.spec.cron[0].as_str(), shown.paused), ("0 4 * * *", true));
    fixture.restart_declaring(nightly("0 5 * * *"));
    // The declaration comes before any request, so an answered request comes after it.
    fixture.wait(fixture.engine().resume_schedule(NS, "nightly", None)).unwrap();
    let shown = describe(&fixture, "nightly");
    assert_eq!((shown.spec.cron[0].as_str(), shown.note.as_deref()), ("0 5 * * *", Some("later")));
}

#[test]
fn a_year_of_firings_in_one_advance() {
    let fixture = Fixture::new();
    let spec = ScheduleSpec {
        cron: vec!["0 9 * * *".to_owned()],
        timezone: Some("Europe/Berlin".to_owned()),
        ..ScheduleSpec::default()
    };
    let action = ScheduleAction {
        workflow_type: "chain".to_owned(),
        input: json("0"),
        ..ScheduleAction::default()
    };
    let definition = ScheduleDefinition::new(spec, action);
    create(&fixture, "daily", ScheduleInput { definition, ..ScheduleInput::default() });
    fixture.advance(Duration::from_secs(365 * 86_400));
    let shown = describe(&fixture, "daily");
    assert!((364..=366).contains(&shown.counters.started), "{:?}", shown.counters);
    assert_eq!(shown.recent.len(), 10);
    fixture.wait(fixture.engine().delete_schedule(NS, "daily")).unwrap();
    assert_eq!(fixture.engine().schedule(NS, "daily").unwrap_err().code(), "schedule_not_found");
    fixture.advance(Duration::from_secs(3 * 86_400));
    assert_eq!(runs(&fixture, "daily").len() as u64, shown.counters.started);
    assert_eq!(fixture.engine().schedules(NS, "", 10, None).unwrap().schedules.len(), 0);
}
