//! What is written with the end of a run: with it, or again and again until it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everstep_engine::{
    ActivityError, DEFAULT_NAMESPACE, Keys, ListFilter, PayloadLimits, Rejection, ResetRequest,
    RunStatus, Selector, Table, Worker, Workflow, WorkflowContext,
};

use crate::support::{Fixture, json};

const TRIP: Workflow<(), ()> = Workflow::new("trip");
const TRIPS: Table<RunStatus> = Table::new("travel", "trips");

/// The hook `first` is refused while `full` holds.
fn first(worker: Worker, full: &Arc<AtomicBool>) -> Worker {
    let full = Arc::clone(full);
    worker.on_end(TRIP, "first", move |tx, end| {
        tx.put(TRIPS, "first", &end.status)?;
        match full.load(Ordering::SeqCst) {
            true => Err(ActivityError::new("full", "the album is full").non_retryable()),
            false => Ok(()),
        }
    })
}

fn second(worker: Worker) -> Worker {
    worker.on_end(TRIP, "second", |tx, end| {
        let known = tx.get(TRIPS, "second")?;
        tx.assert(known.is_none(), "the second hook ran twice")?;
        tx.put(TRIPS, "second", &end.status)
    })
}

fn trip() -> Worker {
    Worker::new().workflow(TRIP, async |_: &WorkflowContext, ()| Ok(()))
}

fn trips(fixture: &Fixture) -> Vec<String> {
    let rows = fixture.engine().rows(DEFAULT_NAMESPACE).unwrap();
    rows.range(TRIPS, &Keys::all()).unwrap().into_iter().map(|(id, _)| id).collect()
}

const ECHO: Workflow<String, String> = Workflow::new("echo_trip");

/// What is written again is the end with its input and its result, each of which is within the
/// limit while both together are not.
#[test]
fn a_hook_that_fails_is_run_again_for_an_end_larger_than_any_payload_may_be() {
    let full = Arc::new(AtomicBool::new(true));
    let mut fixture = Fixture::new();
    fixture.limit(PayloadLimits { payload_bytes: 1000, ..PayloadLimits::DEFAULT });
    let refuses = Arc::clone(&full);
    let echo = Worker::new().workflow(ECHO, async |_: &WorkflowContext, text| Ok(text));
    fixture.restart_with(echo.on_end(ECHO, "keep", move |tx, end| {
        match refuses.load(Ordering::SeqCst) {
            true => Err(ActivityError::new("full", "the album is full")),
            false => tx.put(TRIPS, end.workflow_id, &end.status),
        }
    }));
    let text = format!("\"{}\"", "x".repeat(900));
    let run = fixture.start(ECHO.name(), json(&text));
    let trip = Selector::newest(run.workflow_id.clone());
    assert_eq!(fixture.result(&trip).status, RunStatus::Completed);
    assert!(trips(&fixture).is_empty());

    full.store(false, Ordering::SeqCst);
    fixture.advance(Duration::from_secs(120));
    let writer = Selector::newest(format!("everstep.run_end:{}:keep", run.run_id));
    assert_eq!(fixture.result(&writer).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), [run.workflow_id]);
}

#[test]
fn a_hook_that_fails_is_run_again_over_a_crash_until_it_has_worked() {
    let full = Arc::new(AtomicBool::new(true));
    let mut fixture = Fixture::new();
    fixture.restart_with(second(first(trip(), &full)));
    let trip_run = Selector::newest(fixture.start(TRIP.name(), json("null")).workflow_id);
    assert_eq!(fixture.result(&trip_run).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), ["second"]);

    let look = |fixture: &Fixture, at: &Selector| fixture.engine().describe(at).unwrap();
    let waits = look(&fixture, &trip_run);
    let id = format!("everstep.run_end:{}:first", waits.run_id);
    assert!(waits.waiting_for.contains(&id), "{}", waits.waiting_for);
    assert_eq!((waits.awaiting[0].kind.as_str(), &waits.awaiting[0].name), ("run_end", &id));
    let listed = fixture.engine().list(&ListFilter::of(DEFAULT_NAMESPACE), 10, None).unwrap();
    assert_eq!(listed.workflows.len(), 1, "the engine's own runs are not in the list");

    fixture.restart_with(second(first(trip(), &full)));
    let writer = Selector::newest(id.clone());
    fixture.until(&writer, |run| run.pending_activities.iter().any(|it| it.last_failure.is_some()));
    assert_eq!(trips(&fixture), ["second"]);
    let failure = look(&fixture, &writer).pending_activities.remove(0).last_failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("full", "the album is full"));

    // A build without the hook says so, and runs no other in its place.
    let failed_as = |fixture: &Fixture, kind: &str| {
        fixture.until(&writer, |run| {
            let failures = run.pending_activities.iter().filter_map(|it| it.last_failure.as_ref());
            failures.map(|failure| failure.kind.as_str()).any(|it| it == kind)
        });
    };
    fixture.restart_with(second(trip()));
    fixture.advance(Duration::from_secs(120));
    failed_as(&fixture, "unknown_hook");
    assert!(look(&fixture, &trip_run).waiting_for.contains(&id));
    assert_eq!(trips(&fixture), ["second"]);

    // The next one has it again, in another place.
    full.store(false, Ordering::SeqCst);
    fixture.restart_with(first(second(trip()), &full));
    fixture.advance(Duration::from_secs(120));
    assert_eq!(fixture.result(&writer).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), ["first", "second"]);
    assert_eq!(look(&fixture, &trip_run).waiting_for, "nothing: the run is completed");
}

#[test]
fn a_reset_that_its_hook_refuses_leaves_nothing() {
    let full = Arc::new(AtomicBool::new(true));
    let mut fixture = Fixture::new();
    let refuses = Arc::clone(&full);
    let worker = trip()
        .on_reset(TRIP, |tx, _| tx.put(TRIPS, "reset", &RunStatus::Running))
        .on_reset(TRIP, move |_, _| match refuses.load(Ordering::SeqCst) {
            true => Err(ActivityError::new("full", "the album is full")),
            false => Ok(()),
        });
    fixture.restart_with(worker);
    let started = fixture.start(TRIP.name(), json("null"));
    let trip_run = Selector::newest(started.workflow_id);
    assert_eq!(fixture.result(&trip_run).status, RunStatus::Completed);
    let reset = |fixture: &Fixture| {
        fixture.wait(fixture.engine().reset(&trip_run, ResetRequest::new(1, "again")))
    };
    let refused = reset(&fixture).unwrap_err();
    let why = "the program's hook for resets of `trip` refuses: the album is full";
    assert_eq!(refused, Rejection::Unprocessable(why.to_owned()));
    assert_eq!(fixture.engine().describe(&trip_run).unwrap().run_id, started.run_id);
    assert_eq!(trips(&fixture), [""; 0]);

    full.store(false, Ordering::SeqCst);
    let again = reset(&fixture).unwrap();
    assert_ne!(again.run_id, started.run_id);
    assert_eq!(fixture.result(&trip_run).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), ["reset"]);
}
