//! What is done in the commit that ends a run.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{ActivityError, TransactionContext, Worker, Workflow};
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
    /// An end is not to be refused: an error undoes what this one hook wrote, and is logged.
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
