//! What is done in the commit that ends a run.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ActivityError, Retry, Transaction, TransactionContext, Worker, Workflow};
use crate::{Failure, Payload, RunId, RunStatus, Timestamp};

/// How a run ended, whoever ended it.
#[derive(Clone, Debug)]
pub struct RunEnd<'a> {
    /// The workflow's id.
    pub workflow_id: &'a str,
    /// The run that ended.
    pub run_id: RunId,
    /// The first run of its chain.
    pub first_run_id: RunId,
    /// `completed`, `failed`, `cancelled`, `terminated` or `timed_out`.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// What it was given.
    pub input: &'a Payload,
    /// What it returned.
    pub result: Option<&'a Payload>,
    /// Why it failed.
    pub failure: Option<&'a Failure>,
}

pub(crate) type EndHook = Arc<
    dyn Fn(&mut TransactionContext<'_>, &RunEnd<'_>) -> Result<(), ActivityError> + Send + Sync,
>;

/// The hooks of a worker, by workflow type.
#[derive(Clone, Default)]
pub(crate) struct EndHooks(HashMap<&'static str, Vec<EndHook>, foldhash::fast::RandomState>);

impl EndHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, workflow_type: &str) -> &[EndHook] {
        self.0.get(workflow_type).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for EndHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Worker {
    /// Runs `code` in the commit that ends a run of this type, however it ends: by its code, by a
    /// cancellation, a termination or a timeout; not when it continues as new. What it writes stands
    /// with the run's end, or neither does.
    ///
    /// An end is not to be refused: an error undoes what this one hook wrote, and the hook is run
    /// again, after pauses that grow to a minute, by a workflow of the type `everstep.run_end` that
    /// stands in the commit of the end. Until it has worked, the run's description says that it
    /// waits for it. So it may come when a later run of the same id has begun: compare
    /// [`RunEnd::run_id`], which follows the time, with what is known.
    ///
    /// ```
    /// # use everstep_engine::*;
    /// const TRIP: Workflow<String, ()> = Workflow::new("trip");
    /// const TRIPS: Table<RunStatus> = Table::new("travel", "trips");
    ///
    /// let worker = Worker::new()
    ///     .workflow(TRIP, async |_: &WorkflowContext, _city: String| Ok(()))
    ///     .on_end(TRIP, |tx, end| tx.put(TRIPS, end.workflow_id, &end.status));
    /// # drop(worker);
    /// ```
    #[must_use]
    pub fn on_end<I, O>(
        mut self,
        workflow: Workflow<I, O>,
        code: impl Fn(&mut TransactionContext<'_>, &RunEnd<'_>) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let hooks = &mut self.registry_mut().end_hooks;
        hooks.0.entry(workflow.name()).or_default().push(Arc::new(code));
        self
    }
}

/// A run that was begun from a part of another's history.
#[derive(Clone, Debug)]
pub struct RunReset<'a> {
    /// The workflow's id.
    pub workflow_id: &'a str,
    /// The run whose history it begins with.
    pub from_run_id: RunId,
    /// The run that begins.
    pub run_id: RunId,
    /// The types of the steps that are done in what it was given: activities, transactions and
    /// commands, in order.
    pub done: &'a [Arc<str>],
}

pub(crate) type ResetHook = Arc<
    dyn Fn(&mut TransactionContext<'_>, &RunReset<'_>) -> Result<(), ActivityError> + Send + Sync,
>;

/// The hooks of a worker for runs that are reset, by workflow type.
#[derive(Clone, Default)]
pub(crate) struct ResetHooks(HashMap<&'static str, Vec<ResetHook>, foldhash::fast::RandomState>);

impl ResetHooks {
    pub(crate) fn of(&self, workflow_type: &str) -> &[ResetHook] {
        self.0.get(workflow_type).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for ResetHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Worker {
    /// Runs `code` in the commit that resets a workflow of this type, after what is written with the
    /// end of the run before: what it writes stands with the run that begins.
    ///
    /// A reset is not refused by it: an error undoes what it wrote, and is logged.
    #[must_use]
    pub fn on_reset<I, O>(
        mut self,
        workflow: Workflow<I, O>,
        code: impl Fn(&mut TransactionContext<'_>, &RunReset<'_>) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let hooks = &mut self.registry_mut().reset_hooks;
        hooks.0.entry(workflow.name()).or_default().push(Arc::new(code));
        self
    }
}

/// The workflow that runs a hook again which failed with a run's end.
pub(crate) const RUN_END: Workflow<KeptEnd, ()> = Workflow::new("everstep.run_end");
const WRITE: Transaction<KeptEnd, ()> =
    Transaction::new("everstep.write_run_end").retry(Retry::DEFAULT);

/// The end of a run as one of its hooks is to see it, later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptEnd {
    pub(crate) workflow_type: String,
    /// Which of the type's hooks.
    pub(crate) hook: usize,
    workflow_id: String,
    run_id: RunId,
    first_run_id: RunId,
    status: RunStatus,
    started_at: Timestamp,
    input: Payload,
    result: Option<Payload>,
    failure: Option<Failure>,
}

impl KeptEnd {
    pub(crate) fn of(end: &RunEnd<'_>, workflow_type: &str, hook: usize) -> Self {
        Self {
            workflow_type: workflow_type.to_owned(),
            hook,
            workflow_id: end.workflow_id.to_owned(),
            run_id: end.run_id,
            first_run_id: end.first_run_id,
            status: end.status,
            started_at: end.started_at,
            input: end.input.clone(),
            result: end.result.cloned(),
            failure: end.failure.cloned(),
        }
    }

    /// The id of the workflow that runs the hook again.
    pub(crate) fn workflow_id(run_id: RunId, hook: usize) -> String {
        format!("everstep.run_end:{run_id}:{hook}")
    }

    fn as_end(&self) -> RunEnd<'_> {
        RunEnd {
            workflow_id: &self.workflow_id,
            run_id: self.run_id,
            first_run_id: self.first_run_id,
            status: self.status,
            started_at: self.started_at,
            input: &self.input,
            result: self.result.as_ref(),
            failure: self.failure.as_ref(),
        }
    }
}

/// The code of that workflow, for every worker.
pub(crate) fn register(worker: Worker) -> Worker {
    let write =
        async |ctx: &super::WorkflowContext, end: KeptEnd| Ok(ctx.transaction(WRITE, end).await?);
    worker.built_in(RUN_END, write).transaction(WRITE, |tx, end| {
        let hooks = tx.end_hooks.of(&end.workflow_type);
        let hook = hooks.get(end.hook).cloned().ok_or_else(|| {
            let what = "the program that runs here writes nothing with the ends of";
            ActivityError::new("unknown_hook", format!("{what} `{}`", end.workflow_type))
        })?;
        // Whatever it says: an end is not to be refused.
        hook(tx, &end.as_end())
            .map_err(|error| ActivityError::new(error.kind().to_owned(), &error.failure().message))
    })
}
