//! Steps about trips: booked step by step, and cancelled the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::{Arc, Mutex};

use cucumber::{given, then, when};
use everstep_activities::dead_letters;
use everstep_activities::decider::fsm::State;
use everstep_engine::testing::{Scenario, explore_crashes};
use everstep_engine::{
    Activity, ActivityContext, ActivityError, DEFAULT_NAMESPACE, HistoryEvent, ResetRequest,
    Selector, Transaction, Worker, Workflow, WorkflowContext, WorkflowError,
};
use everstep_workflows::saga::{self, RungState, SagaRecord, SagaStart, WorkerSagas, saga};

use crate::world::{PATIENCE, World};

const TRIP: Workflow<Vec<String>, ()> = Workflow::new("trip");
const BOOK: Activity<String, ()> = Activity::new("book");
const CANCEL: Activity<String, ()> = Activity::new("cancel_booking");
/// Takes the trip as its child, and looks at the saga when that has ended.
const JOURNEY: Workflow<Vec<String>, String> = Workflow::new("journey");
const LOOK: Transaction<String, String> = Transaction::new("look");
const ID: &str = "trip-1";

/// What the services remember; they deduplicate.
#[derive(Default)]
pub(crate) struct Services {
    happened: Vec<String>,
    keys: BTreeSet<String>,
    sold_out: BTreeSet<String>,
    cannot_cancel: BTreeSet<String>,
    takes_for_ever: BTreeSet<String>,
    /// Of these, those that somebody waits for.
    waited_for: BTreeSet<String>,
    /// What happened in the lives of trips that were killed: how often each, by life.
    lives: Vec<BTreeMap<String, u32>>,
}

impl Services {
    fn hangs(&mut self, what: &str) -> bool {
        let hangs = self.takes_for_ever.contains(what);
        if hangs {
            self.waited_for.insert(what.to_owned());
        }
        hangs
    }
}

type Shared = Arc<Mutex<Services>>;

async fn trip(ctx: &WorkflowContext, bookings: Vec<String>) -> Result<(), WorkflowError> {
    saga(ctx, async |saga| {
        for booking in bookings {
            saga.step(&booking, ctx.activity(BOOK, booking.clone())).await?;
            saga.compensate(CANCEL, booking);
        }
        Ok(())
    })
    .await
}

async fn journey(ctx: &WorkflowContext, bookings: Vec<String>) -> Result<String, WorkflowError> {
    // Which way it ended is in the saga.
    drop(ctx.child(TRIP, bookings).id(ID).await);
    Ok(ctx.transaction(LOOK, ID.to_owned()).await?)
}

fn book(services: &Shared, key: String, what: &str) -> Result<(), ActivityError> {
    let mut services = services.lock().unwrap();
    if services.sold_out.contains(what) {
        return Err(ActivityError::new("sold_out", format!("no {what}")).non_retryable());
    }
    if services.keys.insert(key) {
        services.happened.push(format!("do {what}"));
    }
    Ok(())
}

fn cancel(services: &Shared, key: String, what: &str) -> Result<(), ActivityError> {
    let mut services = services.lock().unwrap();
    if services.cannot_cancel.contains(what) {
        let error = ActivityError::new("no_answer", format!("nobody answers about {what}"));
        return Err(error.non_retryable());
    }
    if services.keys.insert(key) {
        services.happened.push(format!("undo {what}"));
    }
    Ok(())
}

pub(crate) fn register(worker: Worker, services: &Shared) -> Worker {
    let (booking, cancelling) = (Arc::clone(services), Arc::clone(services));
    sagas(worker)
        .activity(BOOK, move |ctx: ActivityContext, what: String| {
            let services = Arc::clone(&booking);
            async move {
                let hangs = services.lock().unwrap().hangs(&what);
                if hangs {
                    ctx.cancelled().await;
                    return Err(ActivityError::cancelled());
                }
                book(&services, ctx.idempotency_key(), &what)
            }
        })
        .activity(CANCEL, move |ctx: ActivityContext, what: String| {
            ready(cancel(&cancelling, ctx.idempotency_key(), &what))
        })
}

fn sagas(worker: Worker) -> Worker {
    worker.workflow(TRIP, trip).saga(TRIP)
}

fn bookings(text: &str) -> Vec<String> {
    text.split(", ").filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

#[given(regex = r"^no (\w+) is to be had$")]
fn sold_out(world: &mut World, what: String) {
    world.services.lock().unwrap().sold_out.insert(what);
}

#[given(regex = r"^(\w+) cannot be cancelled$")]
fn cannot_cancel(world: &mut World, what: String) {
    world.services.lock().unwrap().cannot_cancel.insert(what);
}

#[given(regex = r"^(\w+) can be cancelled$")]
fn can_cancel(world: &mut World, what: String) {
    world.services.lock().unwrap().cannot_cancel.remove(&what);
}

#[given(regex = r"^(\w+) takes for ever$")]
fn takes_for_ever(world: &mut World, what: String) {
    world.services.lock().unwrap().takes_for_ever.insert(what);
}

#[then(regex = r"^(\w+) is waited for$")]
async fn waited_for(world: &mut World, what: String) {
    let services = Arc::clone(&world.services);
    world.until(|_| services.lock().unwrap().waited_for.contains(&what).then_some(())).await;
}

#[given(regex = r"^(\w+) is at hand$")]
fn at_hand(world: &mut World, what: String) {
    world.services.lock().unwrap().takes_for_ever.remove(&what);
}

async fn start(world: &World, what: &str) -> SagaStart {
    let bookings = bookings(what);
    let started = world.engine().transact(DEFAULT_NAMESPACE, move |tx| {
        saga::start_if_not_exists(tx, TRIP, ID, &bookings, |_| {})
    });
    started.await.unwrap()
}

#[when(expr = "a trip with {string} is booked")]
#[when(expr = "a trip with {string} is begun")]
async fn booked(world: &mut World, what: String) {
    assert!(start(world, &what).await.is_new);
}

#[when(expr = "{int} callers at once start the trip with {string}")]
async fn at_once(world: &mut World, callers: usize, what: String) {
    let mut firsts = 0;
    let mut all = tokio::task::JoinSet::new();
    let (engine, what) = (world.engine().clone(), bookings(&what));
    for _ in 0..callers {
        let (engine, what) = (engine.clone(), what.clone());
        all.spawn(async move {
            let started = engine.transact(DEFAULT_NAMESPACE, move |tx| {
                saga::start_if_not_exists(tx, TRIP, ID, &what, |_| {})
            });
            started.await.unwrap()
        });
    }
    for started in all.join_all().await {
        firsts += usize::from(started.is_new);
        assert_eq!(started.saga.saga_id, ID);
    }
    world.firsts = firsts;
}

#[then(expr = "{int} of them started it")]
fn started_it(world: &mut World, count: usize) {
    assert_eq!(world.firsts, count);
}

fn find(rows: &everstep_engine::RowSnapshot) -> SagaRecord {
    saga::show(rows, ID).unwrap().unwrap()
}

#[then(expr = "the saga is {string}")]
async fn is(world: &mut World, status: String) {
    let reached = world.until(|engine| {
        let found = saga::show(&engine.rows(DEFAULT_NAMESPACE).unwrap(), ID).unwrap()?;
        (found.status.name() == status).then_some(found)
    });
    let found = reached.await;
    assert_eq!(found.stuck, None);
}

#[then(expr = "what happened is {string}")]
fn happened(world: &mut World, what: String) {
    assert_eq!(world.services.lock().unwrap().happened.join(", "), what);
}

#[then(expr = "its ladder has {int} steps and {int} compensations that are not needed")]
fn ladder(world: &mut World, steps: usize, compensations: usize) {
    let found = saga::progress(world.engine(), DEFAULT_NAMESPACE, ID).unwrap().unwrap();
    let done = found.steps.iter().filter(|rung| rung.state == RungState::Done).count();
    let ready = found.compensations.iter().filter(|rung| rung.state == RungState::Ready).count();
    assert_eq!((done, ready), (steps, compensations), "{found:?}");
}

#[then(expr = "the saga is stuck at {string}")]
async fn is_stuck(world: &mut World, compensation: String) {
    let stuck = world.until(|engine| {
        let rows = engine.rows(DEFAULT_NAMESPACE).unwrap();
        let stuck = saga::show(&rows, ID).unwrap()?.stuck?;
        // While it is tried again, its letter says so.
        let letter = dead_letters::show(&rows, &stuck.dead_letter_id).unwrap()?;
        (letter.status == dead_letters::DeadLetterStatus::Pending).then_some(stuck)
    });
    assert_eq!(stuck.await.compensation, compensation);
    assert_eq!(find(&world.rows()).status.name(), "compensating");
}

#[then(expr = "its dead letter is {string}")]
fn letter(world: &mut World, status: String) {
    let filter = dead_letters::DeadLetterFilter {
        kind: Some(saga::COMPENSATION.name().to_owned()),
        ..Default::default()
    };
    let found = dead_letters::list(&world.rows(), &filter, None, 10).unwrap().dead_letters;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].status.name(), status);
}

#[when("it is tried again")]
async fn tried_again(world: &mut World) {
    let retried = world.engine().transact(DEFAULT_NAMESPACE, |tx| saga::retry(tx, ID, "ada"));
    retried.await.unwrap();
}

#[when(expr = "it is skipped because {string}")]
async fn skipped(world: &mut World, reason: String) {
    let skipped =
        world.engine().transact(DEFAULT_NAMESPACE, move |tx| saga::skip(tx, ID, "ada", &reason));
    skipped.await.unwrap();
}

#[when("its run is reset to its last step")]
async fn reset(world: &mut World) {
    let selector = Selector::newest(ID);
    let page = world.engine().history(&selector, 1, 1_000).unwrap();
    let is_end = |event: &HistoryEvent| matches!(event, HistoryEvent::ActivityCompleted { .. });
    let last = page.events.iter().rposition(|event| is_end(&event.recorded.event)).unwrap();
    let request = ResetRequest::new(last as u64 + 1, "another try");
    let again = world.engine().reset(&selector, request).await.unwrap();
    // The same commit: nothing is waited for.
    let saga = find(&world.rows());
    assert_eq!(saga.run_id, Some(again.run_id.to_string()));
    assert!(["running", "compensating", "completed"].contains(&saga.status.name()), "{saga:?}");
}

#[when("its run is terminated")]
async fn terminated(world: &mut World) {
    let selector = Selector::newest(ID);
    world.engine().terminate(&selector, "enough".to_owned()).await.unwrap();
    let ended = world.engine().result(&selector, PATIENCE).await.unwrap();
    assert!(ended.status.is_closed());
    // The same commit: nothing is waited for.
    assert_eq!(find(&world.rows()).status.name(), "failed");
}

#[then(expr = "a trip with {string} that is killed after each commit in turn is always {string}")]
fn killed(world: &mut World, what: String, status: String) {
    let (sold_out, lives) = (world.services.lock().unwrap().sold_out.clone(), Mutex::default());
    let plays: Mutex<Vec<Shared>> = Mutex::default();
    let scenario = || {
        let services = Shared::default();
        services.lock().unwrap().sold_out.clone_from(&sold_out);
        plays.lock().unwrap().push(Arc::clone(&services));
        let (booking, cancelling, looking) =
            (Arc::clone(&services), Arc::clone(&services), Arc::clone(&services));
        let worker = sagas(Worker::new()).workflow(JOURNEY, journey).transaction(
            LOOK,
            move |tx, id: String| {
                let found = saga::find(tx, &id)?.map(|saga| saga.status.name().to_owned());
                let found = found.unwrap_or_default();
                looking.lock().unwrap().lives = vec![BTreeMap::from([(found.clone(), 1)])];
                Ok(found)
            },
        );
        Scenario::new(worker, JOURNEY, &bookings(&what))
            .mock(BOOK, move |ctx: ActivityContext, what: String| {
                ready(book(&booking, ctx.idempotency_key(), &what))
            })
            .mock(CANCEL, move |ctx: ActivityContext, what: String| {
                ready(cancel(&cancelling, ctx.idempotency_key(), &what))
            })
    };
    // It has a runtime of its own.
    let report = std::thread::scope(|scope| {
        scope.spawn(|| explore_crashes(scenario)).join().unwrap().unwrap()
    });
    assert!(report.crashes >= 2, "{report:?}");
    let mut seen = 0;
    for play in plays.into_inner().unwrap() {
        let play = play.lock().unwrap();
        // What was made for a replay is asked for nothing.
        let Some(ended) = play.lives.first() else { continue };
        seen += 1;
        assert_eq!(ended.keys().collect::<Vec<_>>(), [&status]);
        let mut counts = BTreeMap::<String, u32>::new();
        for one in &play.happened {
            *counts.entry(one.clone()).or_default() += 1;
        }
        let all: &Mutex<Vec<_>> = &lives;
        all.lock().unwrap().push(counts);
    }
    assert!(seen > 0, "{report:?}");
    world.services.lock().unwrap().lives = lives.into_inner().unwrap();
}

#[then("each thing happened once in each of its lives")]
fn once(world: &mut World) {
    let services = world.services.lock().unwrap();
    let first = services.lives.first().unwrap();
    for life in &services.lives {
        assert_eq!(life, first);
        assert!(life.values().all(|count| *count == 1), "{life:?}");
    }
}
