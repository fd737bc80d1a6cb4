//! One run within the open turn.
//!
//! Invariant: a [`Step`] changes one run by one command; every event that it records is applied,
//! encoded into the batch and, if it concerns the code, shown to it, one event at a time.

mod asked;
mod children;
mod oversized;
mod rows;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::changes::{Change, ChangeKind};
use super::effect::Effect;
use super::history_log::{Home, encode_apart};
use super::keys;
use super::resident::Resident;
use super::stats::Counters;
use super::timers::Timers;
use super::turn::Turn;
use crate::kernel::{Command, HistoryEvent, Recorded, Run, apply, decide};
use crate::view::RunResult;
use crate::{Rejection, RunStatus, Timestamp};

/// One run within the open turn.
pub(super) struct Step<'a> {
    pub(super) turn: &'a mut Turn,
    pub(super) resident: &'a mut Resident,
    pub(super) timers: &'a mut Timers,
    pub(super) counters: &'a Counters,
    /// Events recorded in this step.
    recorded: u64,
    /// Something else than events was written.
    touched: bool,
    /// The run's row does not say any more what the run is found by.
    pub(super) outdated: bool,
    /// Withdrawn by the code and run by nobody, so nobody else will say that they have ended.
    idle_cancels: VecDeque<u32>,
    /// What answers the code's requests that were too large.
    pub(super) refusals: VecDeque<Command>,
    /// The request to another run that is recorded now is not sent.
    pub(super) unsent: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(
        turn: &'a mut Turn,
        resident: &'a mut Resident,
        timers: &'a mut Timers,
        counters: &'a Counters,
    ) -> Self {
        Self {
            turn,
            resident,
            timers,
            counters,
            recorded: 0,
            touched: false,
            outdated: false,
            idle_cancels: VecDeque::new(),
            refusals: VecDeque::new(),
            unsent: false,
        }
    }

    /// Records a run's first event, which `resident` was made from.
    pub(super) fn begin(&mut self, event: HistoryEvent) {
        let run = &self.resident.run;
        let (key, workflow) = (self.run_key(), self.workflow_key());
        // A workflow that was given no id has its first run's: that finds itself.
        if !run.started.run_id.is_written(&run.started.workflow_id) {
            self.turn.batch.put(keys::WORKFLOWS, &workflow, run.started.run_id.as_bytes());
        }
        if let Some(at) = run.delayed_until {
            self.put_timer(keys::START_DELAY_ID, at);
        }
        if let Some((at, _)) = self.resident.run.deadline() {
            self.put_timer(keys::EXECUTION_TIMEOUT_ID, at);
        }
        self.encode(event.clone());
        self.tally_start();
        self.put_record(&key);
        self.counters.runs_started.add(1);
        if self.resident.run.delayed_until.is_none() {
            self.turn.unseen.push_back(event);
        }
        self.show_code();
    }

    /// Decides a command from outside, records what comes of it and lets the code see it.
    pub(super) fn execute(&mut self, command: Command) -> Result<(), Rejection> {
        for event in decide(&self.resident.run, command, self.turn.now)? {
            self.record(event);
        }
        self.show_code();
        Ok(())
    }

    /// Records a command that is never refused: it comes from the code, the clock or a worker.
    pub(super) fn execute_own(&mut self, command: Command) {
        match decide(&self.resident.run, command, self.turn.now) {
            Ok(events) => events.into_iter().for_each(|event| self.record(event)),
            Err(rejection) => {
                tracing::error!(%rejection, run_id = %self.resident.run_id, "own command refused");
            }
        }
    }

    pub(super) fn record(&mut self, event: HistoryEvent) {
        if self.turn.traced {
            self.end_spans(&event);
        }
        self.timer_rows(&event);
        if !self.unsent {
            self.post_letters(&event);
        }
        self.update_rows(&event);
        let before = self.resident.run.status;
        let was_open = !before.is_closed();
        let deadline = self.deadline_before(&event);
        apply(&mut self.resident.run, &event, self.turn.now);
        if let Some((activity_id, before)) = deadline {
            self.move_deadline(activity_id, before);
        }
        self.tally_status(before);
        self.note_outdated(&event);
        let run_id = self.resident.run_id;
        match &event {
            HistoryEvent::ActivityStarted { activity_id, .. } => {
                self.counters.attempts_started.add(1);
                if !self.turn.transacting {
                    self.turn.effects.push(Effect::Attempt { run_id, activity_id: *activity_id });
                }
            }
            HistoryEvent::ActivityCompleted { activity_id, .. }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => {
                self.drop_heartbeat(*activity_id);
                self.leave_queue(*activity_id);
            }
            HistoryEvent::ActivityFailed { activity_id, retry_at, .. } => {
                self.counters.attempts_failed.add(1);
                if retry_at.is_none() {
                    self.drop_heartbeat(*activity_id);
                    self.leave_queue(*activity_id);
                }
            }
            HistoryEvent::ActivityResultLate { .. } => self.counters.late_results.add(1),
            HistoryEvent::ActivityCancelRequested { activity_id } => {
                self.turn.effects.push(Effect::CancelAttempt { run_id, activity_id: *activity_id });
            }
            HistoryEvent::SignalReceived { .. } => self.counters.signals.add(1),
            HistoryEvent::TimerFired { .. } => self.counters.timers_fired.add(1),
            // Rare, and told by the run's row.
            HistoryEvent::WorkflowTaskFailed(_)
            | HistoryEvent::WorkflowTaskRecovered
            | HistoryEvent::WorkflowPaused { .. }
            | HistoryEvent::PatchMarked { .. } => {
                self.encode(event);
                let key = self.run_key();
                self.put_record(&key);
                return;
            }
            HistoryEvent::WorkflowResumed => {
                self.encode(event);
                let key = self.run_key();
                self.put_record(&key);
                self.turn.unseen.extend(std::mem::take(&mut self.resident.held));
                return;
            }
            _ => {}
        }
        let closes = was_open && self.resident.run.status.is_closed();
        if concerns_code(&event) {
            match self.resident.run.status {
                RunStatus::Paused => self.resident.held.push(event.clone()),
                _ => self.turn.unseen.push_back(event.clone()),
            }
        }
        self.encode(event);
        if closes {
            self.close();
        }
    }

    /// Records an event that nobody acts on.
    pub(super) fn record_marker(&mut self, event: HistoryEvent) {
        apply(&mut self.resident.run, &event, self.turn.now);
        self.encode(event);
    }

    fn encode(&mut self, event: HistoryEvent) {
        let recorded = Recorded { at: self.turn.now, event };
        self.recorded += 1;
        let Turn { batch, encoded, limits, .. } = &mut *self.turn;
        let (namespace, run_id) = (&*self.resident.namespace, self.resident.run_id);
        let run = || keys::run(namespace, run_id);
        let mut home = Home { run: &run, batch, limit: limits.inline_payload_bytes };
        match encode_apart(recorded, self.resident.run.history_length, encoded, &mut home) {
            Ok(apart) => self.resident.history_bytes += apart,
            // The types of an event all have a stored form; this cannot be reached.
            Err(error) => tracing::error!(%error, "an event has no stored form"),
        }
    }

    /// Lets the code see what was recorded, one event at a time, and records what it asks for.
    /// Two events from outside must never be recorded without this between them.
    pub(super) fn show_code(&mut self) {
        loop {
            if let Some(event) = self.turn.unseen.pop_front() {
                let Some(task) = &mut self.resident.task else { continue };
                let begun = self.turn.traced.then(Instant::now);
                let advanced = task.advance(&event, self.turn.now);
                if let Some(begun) = begun {
                    self.turn_span(begun, &event, &advanced);
                }
                match advanced {
                    Ok(()) => self.record_asked(),
                    Err(failure) => self.fail_task(failure),
                }
            } else if let Some(activity_id) = self.idle_cancels.pop_front() {
                self.execute_own(Command::AcknowledgeCancel { activity_id });
            } else if let Some(refusal) = self.refusals.pop_front() {
                self.execute_own(refusal);
            } else if self.resident.updates.is_none() || !self.offer_updates() {
                return;
            }
        }
    }

    /// Shows the code what is left and puts the run's rows into the batch.
    pub(super) fn finish(mut self) {
        self.show_code();
        self.write_rows();
    }

    fn close(&mut self) {
        let key = self.run_key();
        self.put_record(&key);
        let run = &self.resident.run;
        let result = RunResult {
            status: run.status,
            result: run.result.clone(),
            failure: run.failure.clone(),
            new_run_id: run.continued_to,
        };
        self.turn.effects.push(Effect::Closed(self.resident.run_id, Box::new(result)));
        if self.turn.hooked {
            self.turn.endings.push(self.resident.run_id);
        }
        self.counters.runs_closed.add(1);
        self.turn.unseen.clear();
        self.tell_parent();
        self.tell_schedule();
    }

    /// Something of the run was written that is no event.
    pub(super) const fn touch(&mut self) {
        self.touched = true;
    }

    fn count(&mut self) {
        self.resident.changed_in = self.turn.number;
        self.turn.steps += 1;
        if self.turn.watched {
            self.tell_watchers();
        }
    }

    fn tell_watchers(&mut self) {
        let resident = &*self.resident;
        let history_length = resident.run.history_length;
        let kind = match resident.run.status {
            RunStatus::Running if history_length == self.recorded => ChangeKind::Started,
            RunStatus::Running | RunStatus::Paused => ChangeKind::Advanced,
            _ => ChangeKind::Closed,
        };
        self.turn.effects.push(Effect::Changed(Change {
            namespace: Arc::clone(&resident.namespace),
            workflow_id: Arc::clone(&resident.workflow_id),
            run_id: resident.run_id,
            status: resident.run.status,
            history_length,
            kind,
        }));
    }

    pub(super) fn run_key(&self) -> Vec<u8> {
        keys::run(&self.resident.namespace, self.resident.run_id)
    }

    pub(super) fn workflow_key(&self) -> Vec<u8> {
        keys::workflow(&self.resident.namespace, &self.resident.workflow_id)
    }
}

/// When the first run of the run's chain started.
pub(super) fn chain_started_at(run: &Run) -> Timestamp {
    match &run.started.reset {
        Some(reset) => reset.at,
        None => {
            run.started.continued.as_ref().map_or(run.started_at, |given| given.chain_started_at)
        }
    }
}

/// Whether the code is shown the event; see `Core::deliver`.
pub(super) const fn concerns_code(event: &HistoryEvent) -> bool {
    matches!(
        event,
        HistoryEvent::StartDelayElapsed
            | HistoryEvent::ActivityCompleted { .. }
            | HistoryEvent::ActivityFailed { retry_at: None, .. }
            | HistoryEvent::ActivityCancelled { .. }
            | HistoryEvent::TimerFired { .. }
            | HistoryEvent::SignalReceived { .. }
            | HistoryEvent::WorkflowCancelRequested
            | HistoryEvent::ChildWorkflowStarted { .. }
            | HistoryEvent::ChildWorkflowStartFailed { .. }
            | HistoryEvent::ChildWorkflowCompleted { .. }
            | HistoryEvent::ChildWorkflowFailed { .. }
            | HistoryEvent::ChildWorkflowCancelled { .. }
            | HistoryEvent::ChildWorkflowTerminated { .. }
            | HistoryEvent::ChildWorkflowTimedOut { .. }
            | HistoryEvent::ExternalDelivered { .. }
            | HistoryEvent::ExternalFailed { .. }
    )
}
