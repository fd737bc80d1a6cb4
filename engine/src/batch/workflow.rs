//! The workflow that a batch is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BATCH_TYPE, BatchFailure, BatchOperation, BatchProgress, Selection};
use crate::runtime::Engine;
use crate::{
    Activity, ActivityContext, ActivityError, ListFilter, Query, Rejection, Retry, RunId, Worker,
    Workflow, WorkflowContext, WorkflowError,
};

/// Pages after which it continues as new.
const PAGES_A_RUN: usize = 50;
/// How long the selection of a page may take: the filter may name few of very many runs.
const SELECTION: Duration = Duration::from_secs(600);

pub(crate) const BATCH: Workflow<BatchInput, BatchProgress> = Workflow::new(BATCH_TYPE);
pub(crate) const PROGRESS: Query<(), BatchProgress> = Query::new("progress");
/// An attempt that was lost with its process has done nothing: there is nothing to wait for.
const RETRY: Retry = Retry::DEFAULT.initial_interval(Duration::from_millis(50));
const COUNT: Activity<Cursor, u64> =
    Activity::new("everstep.batch.count").timeout(SELECTION).retry(RETRY).blocking();
const PAGE: Activity<Cursor, PageOutcome> =
    Activity::new("everstep.batch.page").timeout(SELECTION).retry(RETRY).blocking();

/// What a batch is given, and gives to the run that it continues as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchInput {
    pub(crate) operation: BatchOperation,
    pub(crate) filter: ListFilter,
    /// How far the runs before this one have come; none in the first.
    pub(crate) so_far: Option<SoFar>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SoFar {
    pub(crate) progress: BatchProgress,
    /// The next targets are older than this run.
    before: RunId,
}

/// Where a page begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    selection: Selection,
    before: RunId,
    size: usize,
}

/// What became of a page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PageOutcome {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<BatchFailure>,
    /// Where the next page begins; none when there is nothing more.
    pub(crate) next: Option<RunId>,
}

/// The code of batches, for every worker.
pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(BATCH, batch).activity(COUNT, count).activity(PAGE, page)
}

async fn batch(ctx: &WorkflowContext, input: BatchInput) -> Result<BatchProgress, WorkflowError> {
    let BatchInput { operation, filter, .. } = &input;
    let cursor = |before| Cursor {
        selection: Selection::new(filter.clone(), operation),
        before,
        size: operation.page_size(),
    };
    let mut so_far = match &input.so_far {
        Some(so_far) => so_far.clone(),
        None => {
            ctx.publish(PROGRESS, BatchProgress::default());
            // Newer runs than the batch itself are none of its concern.
            let before = ctx.run_id();
            let total = ctx.activity(COUNT, cursor(before)).await?;
            SoFar { progress: BatchProgress { total, ..BatchProgress::default() }, before }
        }
    };
    for _ in 0..PAGES_A_RUN {
        ctx.publish(PROGRESS, so_far.progress.clone());
        let page = ctx.activity(PAGE, cursor(so_far.before)).await?;
        so_far.progress.add(page.done, page.failed, page.failures);
        match page.next {
            Some(next) => so_far.before = next,
            None => {
                so_far.progress.end();
                ctx.publish(PROGRESS, so_far.progress.clone());
                return Ok(so_far.progress);
            }
        }
    }
    ctx.continue_as_new(BatchInput { so_far: Some(so_far), ..input.clone() })
}

async fn count(ctx: ActivityContext, cursor: Cursor) -> Result<u64, ActivityError> {
    let engine = engine_of(&ctx)?;
    let Cursor { selection, before, .. } = cursor;
    let counted = selection.count(&**engine.store(), Some(before), || !ctx.is_cancelled());
    unless_cancelled(&ctx, counted)
}

/// Selects a page and hands it to the loop, which acts on it and completes this activity.
async fn page(ctx: ActivityContext, cursor: Cursor) -> Result<PageOutcome, ActivityError> {
    let engine = engine_of(&ctx)?;
    let Cursor { selection, before, size } = cursor;
    let selected = selection.page(&**engine.store(), Some(before), size, || !ctx.is_cancelled());
    let targets = unless_cancelled(&ctx, selected)?;
    match engine.act_on_page(ctx.task_token(), targets).await {
        Ok(()) => Err(ActivityError::completed_from_outside()),
        // Somebody has decided already that this attempt does not count.
        Err(Rejection::ActivityNotPending { .. } | Rejection::WorkflowClosed(..)) => {
            Err(ActivityError::cancelled())
        }
        Err(other) => Err(other.into()),
    }
}

fn unless_cancelled<T>(
    ctx: &ActivityContext,
    selected: Result<T, Rejection>,
) -> Result<T, ActivityError> {
    match ctx.is_cancelled() {
        true => Err(ActivityError::cancelled()),
        false => Ok(selected?),
    }
}

fn engine_of(ctx: &ActivityContext) -> Result<Engine, ActivityError> {
    let gone = || ActivityError::new("unavailable", "the engine has ended");
    ctx.engine().ok_or_else(gone)
}
