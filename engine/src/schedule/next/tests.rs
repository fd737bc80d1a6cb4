//! What firings do: overlaps, catching up, pauses, limits, edits, backfills.

use super::super::{Backfill, ScheduleAction, ScheduleInput, ScheduleSpec};
use super::*;

const MINUTE: i64 = 60_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000 * MINUTE + minute * MINUTE)
}

fn run_id(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

fn every_minute(overlap: Overlap) -> ScheduleInput {
    let spec = ScheduleSpec { interval_ms: Some(60_000), ..ScheduleSpec::default() };
    let action = ScheduleAction { workflow_type: "echo".into(), ..ScheduleAction::default() };
    let mut definition = ScheduleDefinition::new(spec, action);
    definition.overlap = overlap;
    ScheduleInput { definition, ..ScheduleInput::default() }
}

fn schedule(overlap: Overlap) -> Schedule {
    Schedule::create("s".into(), every_minute(overlap), run_id(255), at(0)).unwrap()
}

/// Lets the schedule do all that it does at `now`, and says what in words.
fn settle(schedule: &mut Schedule, now: Timestamp) -> Vec<String> {
    let mut done = Vec::new();
    loop {
        match schedule.next_step(now) {
            ScheduleStep::Start(firing) => {
                let number = u8::try_from(schedule.state.counters.started + 1).unwrap();
                let minute = (firing.scheduled_at.as_millis() - at(0).as_millis()) / MINUTE;
                schedule.started(&firing, format!("s-{minute}"), run_id(number), now);
                done.push(format!("start {minute}"));
            }
            ScheduleStep::Cancel(runs) => {
                done.extend(runs.iter().map(|run| format!("cancel {}", run.workflow_id)));
            }
            ScheduleStep::Terminate(runs) => {
                done.extend(runs.iter().map(|run| format!("terminate {}", run.workflow_id)));
            }
            ScheduleStep::Counted => done.push("counted".into()),
            ScheduleStep::Wait(_) => return done,
        }
    }
}

fn close(schedule: &mut Schedule, run: u8, now: Timestamp) -> Vec<String> {
    schedule.run_closed(run_id(run), RunStatus::Completed, now);
    settle(schedule, now)
}

#[test]
fn skipping_counts_and_says_since_when() {
    let mut schedule = schedule(Overlap::Skip);
    assert_eq!(settle(&mut schedule, at(0)), [""; 0]);
    assert_eq!(settle(&mut schedule, at(1)), ["start 1"]);
    for minute in 2..16 {
        assert_eq!(settle(&mut schedule, at(minute)), ["counted"]);
    }
    let held_up = schedule.state.held_up.unwrap();
    assert_eq!((held_up.count, held_up.first_at, held_up.last_at), (14, at(2), at(15)));
    assert_eq!(close(&mut schedule, 1, at(15)), [""; 0]);
    assert_eq!(schedule.state.held_up, None);
    assert_eq!(settle(&mut schedule, at(16)), ["start 16"]);
    assert_eq!(schedule.state.counters.skipped, 14);
}

#[test]
fn buffers_start_in_order_as_runs_close() {
    let mut one = schedule(Overlap::BufferOne);
    for minute in 1..5 {
        settle(&mut one, at(minute));
    }
    assert_eq!((one.state.buffer.len(), one.state.counters.skipped), (1, 2));
    assert_eq!(close(&mut one, 1, at(4)), ["start 2"]);
    assert_eq!(close(&mut one, 2, at(4)), [""; 0]);

    let mut all = schedule(Overlap::BufferAll);
    for minute in 1..5 {
        settle(&mut all, at(minute));
    }
    assert_eq!(close(&mut all, 1, at(4)), ["start 2"]);
    assert_eq!(close(&mut all, 2, at(4)), ["start 3"]);
    settle(&mut all, at(3 + MAX_BUFFERED as i64 + 50));
    assert_eq!(all.state.buffer.len(), MAX_BUFFERED);
    assert_eq!(all.state.counters.dropped, 50);
}

#[test]
fn the_newest_ends_the_others() {
    let mut cancel = schedule(Overlap::CancelOther);
    assert_eq!(settle(&mut cancel, at(1)), ["start 1"]);
    assert_eq!(settle(&mut cancel, at(2)), ["cancel s-1"]);
    assert_eq!(settle(&mut cancel, at(3)), ["counted"], "it was asked already");
    assert_eq!(close(&mut cancel, 1, at(3)), ["start 3"], "the newest, not the first that waited");
    assert_eq!(cancel.state.counters.skipped, 1);

    let mut terminate = schedule(Overlap::TerminateOther);
    settle(&mut terminate, at(1));
    assert_eq!(settle(&mut terminate, at(2)), ["terminate s-1"]);
    assert_eq!(close(&mut terminate, 1, at(2)), ["start 2"]);

    let mut beside = schedule(Overlap::AllowAll);
    settle(&mut beside, at(1));
    assert_eq!(settle(&mut beside, at(3)), ["start 2", "start 3"]);
    assert_eq!(beside.state.running.len(), 3);
}

#[test]
fn what_is_too_late_is_missed_and_counted() {
    let mut schedule = schedule(Overlap::AllowAll);
    schedule.definition.catchup_window_ms = 150_000;
    let done = settle(&mut schedule, at(10));
    assert_eq!(done[7..], ["start 8", "start 9", "start 10"]);
    assert_eq!((done.len(), schedule.state.counters.missed), (10, 7));
    assert_eq!(schedule.state.last_missed_at, Some(at(7)));
    assert_eq!(settle(&mut schedule, at(10)), [""; 0], "once");
}

#[test]
fn a_pause_starts_nothing_but_what_is_asked_for() {
    let mut schedule = schedule(Overlap::BufferAll);
    settle(&mut schedule, at(1));
    settle(&mut schedule, at(2));
    schedule.pause(Some("look".into()), at(2)).unwrap();
    assert_eq!(close(&mut schedule, 1, at(5)), [""; 0], "what waited waits on");
    let ScheduleStep::Start(firing) = schedule.trigger(None, at(5)) else { panic!("not started") };
    schedule.started(&firing, "by hand".into(), run_id(2), at(5));
    assert_eq!(close(&mut schedule, 2, at(5)), [""; 0]);
    schedule.resume(None, at(6)).unwrap();
    assert_eq!(schedule.state.counters.paused_over, 4);
    assert_eq!(schedule.state.note.as_deref(), Some("look"));
    assert_eq!(settle(&mut schedule, at(6)), ["start 2"]);
    assert_eq!(close(&mut schedule, 3, at(7)), ["start 7"]);
}

#[test]
fn a_limit_counts_its_own_runs() {
    let mut input = every_minute(Overlap::AllowAll);
    input.definition.limit = Some(2);
    let mut schedule = Schedule::create("s".into(), input, run_id(255), at(0)).unwrap();
    assert_eq!(schedule.upcoming(5).len(), 2);
    assert!(matches!(schedule.trigger(None, at(0)), ScheduleStep::Start(_)));
    assert_eq!(settle(&mut schedule, at(9)), ["start 1", "start 2"]);
    assert!(schedule.state.is_used_up() && schedule.upcoming(5).is_empty());
}

#[test]
fn an_edit_never_fires_an_instant_again() {
    let mut schedule = schedule(Overlap::AllowAll);
    settle(&mut schedule, at(3));
    let mut input = every_minute(Overlap::AllowAll);
    input.definition.spec.interval_ms = Some(30_000);
    schedule.update(input, at(3)).unwrap();
    assert_eq!(settle(&mut schedule, at(3)), [""; 0]);
    assert_eq!(settle(&mut schedule, at(4)), ["start 3", "start 4"], "half a minute, and the next");
}

#[test]
fn an_edit_keeps_what_jitter_holds_back() {
    let mut input = every_minute(Overlap::AllowAll);
    input.definition.spec.jitter_ms = Some(50_000);
    let mut schedule = Schedule::create("s".into(), input.clone(), run_id(255), at(0)).unwrap();
    let due = schedule.timetable.due_at("s", at(1));
    assert!(due > at(1));
    schedule.update(input, at(1)).unwrap();
    assert_eq!(settle(&mut schedule, due), ["start 1"]);
}

#[test]
fn backfills_go_through_the_past_in_order() {
    let mut schedule = schedule(Overlap::Skip);
    let backfill = Backfill { from: at(-3), to: at(-1), overlap: Some(Overlap::BufferAll) };
    assert_eq!(schedule.backfill(backfill, at(0)).unwrap(), 3);
    assert_eq!(settle(&mut schedule, at(0)), ["start -3", "counted", "counted"]);
    assert_eq!(close(&mut schedule, 1, at(0)), ["start -2"]);
    assert_eq!(close(&mut schedule, 2, at(0)), ["start -1"]);
    let future = Backfill { from: at(-3), to: at(5), overlap: None };
    assert!(schedule.backfill(future, at(0)).is_err());
    let far = Backfill { from: at(-20_000), to: at(0), overlap: None };
    assert!(schedule.backfill(far, at(0)).unwrap_err().to_string().contains("10000"));
}

#[test]
fn what_could_never_fire_is_refused() {
    let mut input = every_minute(Overlap::Skip);
    input.definition.spec.end_at = Some(at(-5));
    let refused = Schedule::create("s".into(), input, run_id(1), at(0)).unwrap_err();
    assert!(refused.to_string().contains("names no instant after"), "{refused}");
}
