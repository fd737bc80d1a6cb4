//! What a worker does in the commit that ends a run.
//!
//! Invariant: the end and what the hooks write are in one batch: the hooks run right after the step
//! that recorded the end, before the batch can be handed over.

use std::sync::Arc;

use super::shard::Shard;
use super::transactions::Refused;
use crate::sdk::RunEnd;
use crate::{RunId, RunStatus};

impl Shard {
    /// Runs the hooks of the runs that the last step closed.
    pub(super) fn run_end_hooks(&mut self) {
        for run_id in std::mem::take(&mut self.turn.endings) {
            self.run_end_hooks_of(run_id);
        }
    }

    fn run_end_hooks_of(&mut self, run_id: RunId) {
        let registry = Arc::clone(&self.inner.registry);
        let Some(resident) = self.residents.get(run_id) else { return };
        let run = &resident.run;
        let hooks = registry.end_hooks.of(&run.started.workflow_type);
        if hooks.is_empty() || run.status == RunStatus::ContinuedAsNew {
            return;
        }
        let started = Arc::clone(&run.started);
        let (result, failure) = (run.result.clone(), run.failure.clone());
        let (status, started_at) = (run.status, run.started_at);
        let namespace = Arc::clone(&resident.namespace);
        let end = RunEnd {
            workflow_id: &started.workflow_id,
            run_id,
            first_run_id: started.first_run_id(),
            status,
            started_at,
            input: &started.input,
            result: result.as_ref(),
            failure: failure.as_ref(),
        };
        for hook in hooks {
            let done = self
                .transact(&namespace, |tx| hook(tx, &end).map_err(|error| error.failure().clone()));
            let why = match done {
                Ok(()) => continue,
                Err(Refused::ByItself(failure)) => failure.message,
                Err(Refused::ByEngine(rejection)) => rejection.to_string(),
            };
            tracing::error!(%run_id, workflow_id = end.workflow_id, why, "what was to be written with a run's end was not");
        }
    }
}
