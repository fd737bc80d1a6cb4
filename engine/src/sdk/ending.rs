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

/// A hook, and the name by which a later build finds it again.
pub(crate) type NamedHook = (&'static str, EndHook);

/// The hooks of a worker, by workflow type.
#[derive(Clone, Default)]
pub(crate) struct EndHooks(HashMap<&'static str, Vec<NamedHook>, foldhash::fast::RandomState>);

impl EndHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, workflow_type: &str) -> &[NamedHook] {
        self.0.get(workflow_type).map_or(&[], Vec::as_slice)
    }

    /// The hook of that name.
    fn named(&self, workflow_type: &str, name: &str) -> Result<EndHook, ActivityError> {
        let hooks = self.of(workflow_type);
        if let Some((_, hook)) = hooks.iter().find(|(known, _)| *known == name) {
            return Ok(Arc::clone(hook));
        }
        let known: Vec<&str> = hooks.iter().map(|(name, _)| *name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let what = format!(
            "the program that runs here has no hook `{name}` for the ends of `{workflow_type}` \
             (it has: {known}): register it again, or terminate this workflow if its writing is not \
             wanted any more"
        );
        Err(ActivityError::new("unknown_hook", what))
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
    /// with the run's end, or neither does. `name` is the hook's own among those of the type, and
    /// durable: what failed is run again by the hook that has it, whatever the build.
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
    ///     .on_end(TRIP, "keep-status", |tx, end| tx.put(TRIPS, end.workflow_id, &end.status));
    /// # drop(worker);
    /// ```
    #[must_use]
    pub fn on_end<I, O>(
        mut self,
        workflow: Workflow<I, O>,
        name: &'static str,
        code: impl Fn(&mut TransactionContext<'_>, &RunEnd<'_>) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let registry = self.registry_mut();
        let hooks = registry.end_hooks.0.entry(workflow.name()).or_default();
        if hooks.iter().any(|(known, _)| *known == name) {
            let what = workflow.name();
            registry.mistakes.push(format!(
                "workflow type `{what}` has two hooks `{name}` for its ends: give one another name"
            ));
        } else {
            hooks.push((name, Arc::new(code)));
        }
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
    /// Runs `code` in the commit that resets a workflow of this type: what it writes stands with the
    /// run that begins.
    ///
    /// An error refuses the reset: nothing of it stands, the run before goes on or stays as it
    /// ended, and whoever asked for it is told why. So it runs before the run that is replaced ends:
    /// that one's [`Worker::on_end`] finds what this one wrote, with a later
    /// [`RunReset::run_id`] than its own.
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
    /// Which of the type's hooks, by its name.
    pub(crate) hook: String,
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
    pub(crate) fn of(end: &RunEnd<'_>, workflow_type: &str, hook: &str) -> Self {
        Self {
            workflow_type: workflow_type.to_owned(),
            hook: hook.to_owned(),
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

    /// What the ids of the workflows begin with that run hooks of a run again.
    pub(crate) fn workflow_ids(run_id: RunId) -> String {
        format!("everstep.run_end:{run_id}:")
    }

    /// The id of the workflow that runs the hook again.
    pub(crate) fn workflow_id(run_id: RunId, hook: &str) -> String {
        Self::workflow_ids(run_id) + hook
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

/// Whether a run of this type is given an end, whose parts the limits have let in one by one and
/// which may be larger than any of them.
pub(crate) fn is_given_an_end(workflow_type: &str) -> bool {
    workflow_type == RUN_END.name()
}

/// The code of that workflow, for every worker.
pub(crate) fn register(worker: Worker) -> Worker {
    let write =
        async |ctx: &super::WorkflowContext, end: KeptEnd| Ok(ctx.transaction(WRITE, end).await?);
    worker.built_in(RUN_END, write).transaction(WRITE, |tx, end| {
        let hook = tx.end_hooks.named(&end.workflow_type, &end.hook)?;
        // Whatever it says: an end is not to be refused.
        hook(tx, &end.as_end())
            .map_err(|error| ActivityError::new(error.kind().to_owned(), &error.failure().message))
    })
}
