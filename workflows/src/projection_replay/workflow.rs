//! The workflow that rebuilds a projection.
//!
//! Invariant: where the rebuild stands is in its row alone; the workflow only goes on until that
//! row says that it is over, so that it may be killed anywhere.

use std::sync::Arc;
use std::time::Duration;

use everstep_engine::{
    Activity, ActivityContext, ActivityError, Priority, QueueLimits, Retry, Signal, Transaction,
    TransactionContext, Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

use super::chunk::{self, Chunk};
use super::rebuild::{REBUILDS, ReplayStatus};
use super::sweep;
use crate::projections::registry::Host;

/// The workflow's type.
pub(super) const REPLAY: Workflow<Job, ()> = Workflow::new("everstep.projection_replay");
/// Wakes it up: it was resumed or cancelled.
pub(super) const LOOK: Signal<()> = Signal::new("look");
/// The queue of all rebuilds.
const QUEUE: &str = "everstep.replay";
/// Rebuilds that take in events at once, in one namespace.
const AT_ONCE: u32 = 5;
/// A slice fails for good after so many attempts.
const RETRY: Retry = Retry::DEFAULT
    .initial_interval(Duration::from_secs(1))
    .backoff_coefficient(2.0)
    .max_attempts(5);
const SLICE: Activity<Job, Slice> = Activity::new("everstep.projection_replay_slice")
    .queue(QUEUE)
    .priority(Priority::LOWEST)
    .timeout(Duration::from_secs(600))
    .retry(RETRY);
const SWEEP: Activity<Job, bool> =
    Activity::new("everstep.projection_replay_sweep").queue(QUEUE).priority(Priority::LOWEST);
const FAIL: Transaction<(Job, String), ()> = Transaction::new("everstep.projection_replay_fail");

/// Chunks of one slice: others have their turn in between.
const CHUNKS_A_SLICE: usize = 100;
/// Transactions of one sweep.
const SWEEPS_A_SLICE: usize = 100;
/// The pause after an event was refused, before it is tried again.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);
/// How long a slice waits for the service that keeps the projections, after a start.
const SERVICE_WAIT: Duration = Duration::from_secs(30);

/// What is rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) namespace: String,
    pub(super) projection: String,
    pub(super) replay_id: String,
}

/// What a slice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Slice {
    More,
    Halted,
    Ended,
}

/// Adds to a worker what rebuilding needs.
pub(crate) fn register(worker: Worker, host: Arc<Host>) -> Worker {
    let sweeping = Arc::clone(&host);
    worker
        .built_in(REPLAY, replay)
        .activity(SLICE, move |ctx, job| slice(ctx, job, Arc::clone(&host)))
        .activity(SWEEP, move |ctx, job| sweep_slice(ctx, job, Arc::clone(&sweeping)))
        .transaction(FAIL, fail)
        .queue(QUEUE, QueueLimits::new().concurrency(AT_ONCE))
}

async fn replay(ctx: &WorkflowContext, job: Job) -> Result<(), WorkflowError> {
    loop {
        match ctx.activity(SLICE, job.clone()).await {
            Ok(Slice::More) => {}
            Ok(Slice::Halted) => ctx.signal(LOOK).await,
            Ok(Slice::Ended) => break,
            Err(error) => {
                let why = error.failure().message.clone();
                ctx.transaction(FAIL, (job.clone(), why)).await?;
                break;
            }
        }
        if ctx.should_continue_as_new() {
            return ctx.continue_as_new(job);
        }
    }
    while ctx.activity(SWEEP, job.clone()).await? {
        if ctx.should_continue_as_new() {
            return ctx.continue_as_new(job);
        }
    }
    Ok(())
}

async fn slice(ctx: ActivityContext, job: Job, host: Arc<Host>) -> Result<Slice, ActivityError> {
    let service = tokio::time::timeout(SERVICE_WAIT, host.service()).await.ok().flatten();
    let Some(service) = service else {
        return Err(ActivityError::new("unavailable", "nobody keeps the projections here"));
    };
    for _ in 0..CHUNKS_A_SLICE {
        if ctx.is_cancelled() || ctx.is_shutting_down() {
            break;
        }
        match chunk::take(&service, &job).await? {
            Chunk::Taken => {}
            Chunk::Refused => tokio::time::sleep(REFUSED_PAUSE).await,
            Chunk::Halted => return Ok(Slice::Halted),
            Chunk::Ended => return Ok(Slice::Ended),
        }
    }
    Ok(Slice::More)
}

async fn sweep_slice(
    ctx: ActivityContext,
    job: Job,
    host: Arc<Host>,
) -> Result<bool, ActivityError> {
    let service = tokio::time::timeout(SERVICE_WAIT, host.service()).await.ok().flatten();
    let Some(service) = service else {
        return Err(ActivityError::new("unavailable", "nobody keeps the projections here"));
    };
    for _ in 0..SWEEPS_A_SLICE {
        if ctx.is_cancelled() || ctx.is_shutting_down() {
            break;
        }
        if !sweep::some(&service.0.engine, &job).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fail(tx: &mut TransactionContext<'_>, (job, why): (Job, String)) -> Result<(), ActivityError> {
    let Some(mut rebuild) = tx.get(REBUILDS, &job.projection)? else { return Ok(()) };
    if rebuild.replay_id != job.replay_id || !rebuild.status.is_active() {
        return Ok(());
    }
    rebuild.error = Some(why);
    rebuild.turn(ReplayStatus::Failed, tx.now());
    tx.put(REBUILDS, &job.projection, &rebuild)
}
