//! A run that continues as a new one: what it hands on, and how the new one begins.
//!
//! Invariant: the end of a run and the beginning of its successor stand in one batch, and nothing
//! reaches the workflow between them. A chain that turns without waiting for anything gives the
//! loop back at every turn, so that it cannot hold up its neighbours.

use std::sync::Arc;

use super::resident::Resident;
use super::shard::Shard;
use super::step::{Step, chain_started_at};
use super::task::Task;
use crate::kernel::{
    Carried, Command, Continuation, HistoryEvent, PendingChild, Run, RunStatus, WorkflowStarted,
};
use crate::{Payload, RunId, SignalInput};

/// The pause of a chain that has turned without any progress.
const IDLE_PAUSE_MS: u64 = 1_000;

impl Step<'_> {
    /// The code wants to go on as a new run.
    pub(super) fn continue_as_new(&mut self, input: Payload) {
        if let Err(failure) = self.check_end("input of the next run", &input) {
            self.execute_own(Command::Fail { failure });
            return;
        }
        let carried = self.carried();
        let run = &self.resident.run;
        let start_delay_ms = idle_turn_pause(run, &carried);
        let new_run_id = self.turn.new_run_id();
        let continued = Continuation {
            first_run_id: run.started.first_run_id(),
            chain_started_at: chain_started_at(run),
            continued_from: run.started.run_id,
            run_number: run.started.run_number().saturating_add(1),
            carried,
        };
        let started = WorkflowStarted {
            run_id: new_run_id,
            input: input.clone(),
            memo: run.memo().cloned(),
            search_attributes: run.search_attributes().clone(),
            start_delay_ms,
            continued: Some(Box::new(continued)),
            reset: None,
            ..WorkflowStarted::clone(&run.started)
        };
        self.fail_taken_updates();
        self.execute_own(Command::ContinueAsNew { new_run_id, input });
        if self.resident.run.status == RunStatus::ContinuedAsNew {
            self.turn.successor = Some(Box::new(started));
        }
    }

    /// What was accepted for the workflow and not dealt with by its code.
    fn carried(&self) -> Carried {
        let run = &self.resident.run;
        let mut carried = match &self.resident.task {
            Some(task) => task.leftovers(),
            None => Carried::default(),
        };
        // Recorded, and not shown to the code any more.
        for event in &self.turn.unseen {
            match event {
                HistoryEvent::SignalReceived { name, payload } => {
                    let (name, payload) = (name.to_string(), payload.clone());
                    carried.signals.push(SignalInput { name, payload });
                }
                HistoryEvent::WorkflowCancelRequested => carried.cancel_requested = true,
                _ => {}
            }
        }
        let children = run.children.iter().filter(|(_, child)| !child.detached);
        let children = children.map(|(&id, child)| {
            // What is stored does not say it.
            (id, PendingChild { asked_by: None, ..(**child).clone() })
        });
        carried.children = children.collect();
        let asked = run.children.keys().chain(run.requests.keys());
        carried.first_free_id = asked.max().map_or(1, |last| last + 1);
        carried
    }
}

/// How long the successor of a run that waited for nothing waits before its code runs: a timer
/// that is due at once, or a pause if the run has not even taken what it was given.
fn idle_turn_pause(run: &Run, carried: &Carried) -> Option<u64> {
    let began = 1 + u64::from(run.started.start_delay_ms.is_some());
    if run.history_length > began {
        return None;
    }
    let given = run.started.continued.as_ref().map_or(0, |given| given.carried.signals.len());
    Some(if carried.signals.len() < given { 0 } else { IDLE_PAUSE_MS })
}

impl Shard {
    /// Begins the run that the one before has continued as, in the same batch.
    pub(super) fn begin_successor(&mut self, before: RunId, started: WorkflowStarted) {
        let registry = Arc::clone(&self.inner.registry);
        let now = self.turn.now;
        let entry = registry.workflows.get(&*started.workflow_type);
        // A new run begins with the newest code.
        let version = entry.map_or(started.version, |entry| Arc::clone(&entry.version));
        let build_id = registry.build_id();
        let started = Arc::new(WorkflowStarted { build_id, version, ..started });
        self.link_runs(&started.namespace, &started.workflow_id, before, started.run_id);
        let task = entry.map(|entry| Task::new(entry, Arc::clone(&started), now));
        let cancel = started.continued.as_ref().is_some_and(|given| given.carried.cancel_requested);
        let run_id = started.run_id;
        let event = HistoryEvent::WorkflowStarted(started);
        let Some(run) = Run::begin(&event, now) else { return };
        let mut resident = Resident::new(run, task);
        // Their rows are the chain's, so they stay where they are.
        resident.updates = self.residents.get_mut(before).and_then(|before| before.updates.take());
        self.residents.insert(resident);
        self.step(run_id, |step| {
            step.begin(event);
            if cancel {
                step.execute_own(Command::RequestCancel);
                step.show_code();
            }
        });
    }
}
