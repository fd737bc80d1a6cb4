//! What becomes of a run when its time has come or one of its attempts has ended.

use super::keys;
use super::shard::Shard;
use super::timers::Due;
use super::turn::Step;
use crate::kernel::{ActivityState, Command};
use crate::{Failure, Rejection};

/// Timers that are fired before requests have their turn again: a run that asks for one that is
/// due at once, again and again, holds nobody up.
const FIRINGS_A_TURN: usize = 4_096;

impl Shard {
    pub(super) fn fire_due(&mut self) {
        if self.turn.draining {
            return;
        }
        if self.timers.must_load(self.turn.now)
            && let Err(rejection) = self.load_timers()
        {
            self.stop(format!("failed to read timers: {rejection}"));
            return;
        }
        for _ in 0..FIRINGS_A_TURN {
            let Some(due) = self.timers.pop_due(self.turn.now) else { return };
            self.progress.step();
            if let Err(rejection) = self.fire(due) {
                tracing::error!(%rejection, "a timer could not be fired");
            }
            self.split();
        }
    }

    pub(super) fn load_timers(&mut self) -> Result<(), Rejection> {
        let now = self.turn.now;
        let snapshot = self.inner.store.snapshot()?;
        self.timers.load(&*snapshot, now)
    }

    pub(super) fn fire(&mut self, due: Due) -> Result<(), Rejection> {
        match due {
            Due::Timer { namespace, run_id, id } => {
                if self.ensure_resident(&namespace, run_id)? {
                    self.step(run_id, |step| step.fire(id));
                }
            }
            Due::TaskRetry { namespace, run_id } => self.retry_task(&namespace, run_id)?,
            Due::AttemptTimeout { run_id, activity_id, attempt } => {
                let inline = self.attempts.is_inline(run_id, activity_id);
                if self.attempts.forget(run_id, activity_id, attempt) {
                    if inline {
                        self.inline_ended(run_id);
                    }
                    self.ensure_resident_run(run_id)?;
                    self.step(run_id, |step| step.time_out(activity_id, attempt));
                }
            }
        }
        Ok(())
    }
}

impl Step<'_> {
    /// An attempt has ended.
    pub(super) fn end_attempt(
        &mut self,
        activity_id: u32,
        attempt: u32,
        outcome: Result<crate::Payload, Failure>,
    ) {
        let cancelled = self.resident.run.has_withdrawn(activity_id);
        let command = match outcome {
            Ok(result) => Command::CompleteActivity { activity_id, attempt, result },
            Err(failure) if cancelled && failure.kind == crate::sdk::CANCELLED => {
                Command::AcknowledgeCancel { activity_id }
            }
            Err(failure) => Command::FailActivity { activity_id, attempt, failure },
        };
        self.execute_own(command);
    }

    /// An attempt has used up its time.
    pub(super) fn time_out(&mut self, activity_id: u32, attempt: u32) {
        let limit = self.resident.run.activities.get(&activity_id);
        let limit_ms = limit.map_or(0, |activity| activity.options().start_to_close_ms);
        let mut failure =
            Failure::new("timeout", format!("attempt {attempt} took longer than {limit_ms} ms"));
        failure.timeout = Some("start_to_close".into());
        self.execute_own(Command::FailActivity { activity_id, attempt, failure });
    }

    /// The clock has reached the time of one of the run's rows.
    pub(super) fn fire(&mut self, id: u32) {
        let (run, now) = (&self.resident.run, self.turn.now);
        let command = match id {
            keys::START_DELAY_ID => Command::ElapseStartDelay,
            keys::EXECUTION_TIMEOUT_ID => Command::TimeOut,
            id if run.timers.get(&id).is_some_and(|timer| timer.fires_at <= now) => {
                Command::FireTimer { timer_id: id }
            }
            activity_id => match run.activities.get(&activity_id).map(|activity| activity.state) {
                Some(ActivityState::BackingOff(at)) if at <= now => {
                    if self.is_transaction(activity_id) {
                        self.queue_transaction(activity_id);
                        return;
                    }
                    Command::RetryActivity { activity_id }
                }
                _ => return,
            },
        };
        self.execute_own(command);
    }
}
