//! What is written with the end of a run: with it, or again and again until it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everstep_engine::{
    ActivityError, DEFAULT_NAMESPACE, Keys, ListFilter, RunStatus, Selector, Table, Worker,
    Workflow, WorkflowContext,
};

use crate::support::{Fixture, json};

const TRIP: Workflow<(), ()> = Workflow::new("trip");
const TRIPS: Table<RunStatus> = Table::new("travel", "trips");

/// Its first hook is refused while `full` holds.
fn worker(full: &Arc<AtomicBool>) -> Worker {
    let full = Arc::clone(full);
    Worker::new()
        .workflow(TRIP, async |_: &WorkflowContext, ()| Ok(()))
        .on_end(TRIP, move |tx, end| {
            tx.put(TRIPS, "first", &end.status)?;
            match full.load(Ordering::SeqCst) {
                true => Err(ActivityError::new("full", "the album is full").non_retryable()),
                false => Ok(()),
            }
        })
        .on_end(TRIP, |tx, end| {
            let known = tx.get(TRIPS, "second")?;
            tx.assert(known.is_none(), "the second hook ran twice")?;
            tx.put(TRIPS, "second", &end.status)
        })
}

fn trips(fixture: &Fixture) -> Vec<String> {
    let rows = fixture.engine().rows(DEFAULT_NAMESPACE).unwrap();
    rows.range(TRIPS, &Keys::all()).unwrap().into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_hook_that_fails_is_run_again_over_a_crash_until_it_has_worked() {
    let full = Arc::new(AtomicBool::new(true));
    let mut fixture = Fixture::new();
    fixture.restart_with(worker(&full));
    let trip = Selector::newest(fixture.start(TRIP.name(), json("null")).workflow_id);
    assert_eq!(fixture.result(&trip).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), ["second"]);

    let look = |fixture: &Fixture, at: &Selector| fixture.engine().describe(at).unwrap();
    let waits = look(&fixture, &trip);
    let id = format!("everstep.run_end:{}:0", waits.run_id);
    assert!(waits.waiting_for.contains(&id), "{}", waits.waiting_for);
    assert_eq!((waits.awaiting[0].kind.as_str(), &waits.awaiting[0].name), ("run_end", &id));
    let listed = fixture.engine().list(&ListFilter::of(DEFAULT_NAMESPACE), 10, None).unwrap();
    assert_eq!(listed.workflows.len(), 1, "the engine's own runs are not in the list");

    fixture.restart_with(worker(&full));
    let writer = Selector::newest(id);
    fixture.until(&writer, |run| run.pending_activities.iter().any(|it| it.last_failure.is_some()));
    assert_eq!(trips(&fixture), ["second"]);
    let failure = look(&fixture, &writer).pending_activities.remove(0).last_failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("full", "the album is full"));

    full.store(false, Ordering::SeqCst);
    fixture.advance(Duration::from_secs(120));
    assert_eq!(fixture.result(&writer).status, RunStatus::Completed);
    assert_eq!(trips(&fixture), ["first", "second"]);
    assert_eq!(look(&fixture, &trip).waiting_for, "nothing: the run is completed");
}
