//! What a worker does in the commit that ends a run.
//!
//! Invariant: the end and what the hooks write are in one batch: the hooks run right after the step
//! that recorded the end, before the batch can be handed over. A hook that fails is begun again by a
//! workflow that stands in that batch. A reset's hooks come before anything of it is written: one that
//! fails refuses the reset.

use std::collections::HashMap;
use std::sync::Arc;

use super::shard::Shard;
use super::transactions::Refused;
use crate::kernel::{HistoryEvent, Recorded};
use crate::sdk::{KeptEnd, RUN_END, ResetHook, RunEnd, RunReset};
use crate::{Failure, Payload, Rejection, RunId, RunStatus, StartRequest};

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
        for (name, hook) in hooks {
            let done = self
                .transact(&namespace, |tx| hook(tx, &end).map_err(|error| error.failure().clone()));
            let Err(refused) = done else { continue };
            let why = refused.why();
            tracing::error!(%run_id, workflow_id = end.workflow_id, hook = name, why, "what was to be written with a run's end was not: it is tried again");
            let kept = KeptEnd::of(&end, &started.workflow_type, name);
            self.write_end_later(&namespace, &kept, run_id);
        }
    }

    /// Runs the hooks of a run that is about to begin with these events of another: all of what they
    /// write stands, or nothing does and the reset is refused.
    pub(super) fn run_reset_hooks(
        &mut self,
        from_run_id: RunId,
        events: &[Recorded],
    ) -> Result<(), Rejection> {
        let registry = Arc::clone(&self.inner.registry);
        let Some(Recorded { event: HistoryEvent::WorkflowStarted(started), .. }) = events.first()
        else {
            return Ok(());
        };
        let hooks = registry.reset_hooks.of(&started.workflow_type);
        if hooks.is_empty() {
            return Ok(());
        }
        let done = done_in(events);
        let (workflow_id, run_id) = (started.workflow_id.as_str(), started.run_id);
        let reset = RunReset { workflow_id, from_run_id, run_id, done: &done };
        let written = self.transact(&started.namespace, |tx| {
            let run = |hook: &ResetHook| hook(tx, &reset).map_err(|error| error.failure().clone());
            hooks.iter().try_for_each(run)
        });
        written.map_err(|refused| match refused {
            Refused::ByEngine(rejection) => rejection,
            refused => Rejection::Unprocessable(format!(
                "the program's hook for resets of `{}` refuses: {}",
                started.workflow_type,
                refused.why()
            )),
        })
    }

    /// Starts the workflow that runs the hook again, in the commit of the end.
    fn write_end_later(&mut self, namespace: &str, end: &KeptEnd, run_id: RunId) {
        let (hook, input) = (end.hook.as_str(), Payload::from_value(end));
        let begun = self.transact(namespace, |tx| {
            let input = input.map_err(|error| Failure::new("invalid_input", error.to_string()))?;
            let mut start = StartRequest::new(RUN_END.name(), input);
            start.workflow_id = Some(KeptEnd::workflow_id(run_id, hook));
            tx.start_own(start);
            Ok(())
        });
        if let Err(refused) = begun {
            tracing::error!(%run_id, hook, why = refused.why(), "a run's end stays unwritten");
        }
    }
}

/// The types of the steps that have completed, in the order in which they did.
fn done_in(events: &[Recorded]) -> Vec<Arc<str>> {
    let (mut asked, mut done) = (HashMap::new(), Vec::new());
    for recorded in events {
        match &recorded.event {
            HistoryEvent::ActivityScheduled { activity_id, activity_type, .. } => {
                asked.insert(*activity_id, Arc::clone(activity_type));
            }
            HistoryEvent::ActivityCompleted { activity_id, .. } => {
                done.extend(asked.remove(activity_id));
            }
            _ => {}
        }
    }
    done
}
