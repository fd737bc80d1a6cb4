//! What becomes of a run when its time has come or one of its attempts has ended.

use super::effect::Effect;
use super::keys;
use super::shard::Shard;
use super::step::Step;
use super::timers::Due;
use crate::kernel::{ActivityState, Command, Deadline};
use crate::sdk::{HANDED_OVER, Heartbeat};
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
                    if let Some(activity_id) = keys::deadline_of(id) {
                        self.save_heartbeat_of(run_id, activity_id);
                    }
                    self.step(run_id, |step| step.fire(id));
                }
            }
            Due::Schedule { namespace, schedule_id } => {
                self.fire_schedule((namespace, schedule_id));
            }
            Due::TaskRetry { namespace, run_id } => self.retry_task(&namespace, run_id)?,
            Due::Attempt { run_id, activity_id, attempt } => {
                self.look_at_attempt(run_id, activity_id, attempt)?;
            }
            Due::Queue { namespace, name } => self.wake_queue(namespace, name),
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
        heartbeat: Option<Heartbeat>,
    ) {
        if let (Err(_), Some(heartbeat)) = (&outcome, heartbeat) {
            self.save_heartbeat(activity_id, heartbeat);
        }
        let run = &self.resident.run;
        let cancelled = run.has_withdrawn(activity_id);
        let inline = run.activities.get(&activity_id).is_some_and(|activity| activity.inline);
        let command = match outcome {
            Ok(result) => Command::CompleteActivity { activity_id, attempt, result },
            Err(failure) if failure.kind == HANDED_OVER && inline => {
                let why = "an inline step has no task token to be completed by from outside";
                let failure = Failure::new(failure.kind, why).non_retryable();
                Command::FailActivity { activity_id, attempt, failure }
            }
            Err(failure) if failure.kind == HANDED_OVER => {
                Command::HandOverActivity { activity_id, attempt }
            }
            Err(failure) if cancelled && failure.kind == crate::sdk::CANCELLED => {
                Command::AcknowledgeCancel { activity_id }
            }
            Err(failure) => Command::FailActivity { activity_id, attempt, failure },
        };
        self.execute_own(command);
    }

    /// A deadline of the activity, or of its attempt, is over.
    pub(super) fn run_out(
        &mut self,
        activity_id: u32,
        deadline: Deadline,
        heartbeat: Option<Heartbeat>,
    ) {
        if let Some(heartbeat) = heartbeat {
            self.save_heartbeat(activity_id, heartbeat);
        }
        let last = self.resident.heartbeats.get(&activity_id);
        let last_heartbeat = last.map(|beat| beat.details.clone());
        self.execute_own(match deadline {
            Deadline::Timeout(timeout) => {
                Command::TimeOutActivity { activity_id, timeout, last_heartbeat }
            }
            Deadline::Abandon => Command::AbandonActivity { activity_id },
        });
    }

    /// The activity's durable deadline: acts on it if it is over, and says whether it was.
    pub(super) fn meet_deadline(&mut self, activity_id: u32) -> bool {
        let Some(activity) = self.resident.run.activities.get(&activity_id) else { return false };
        let heartbeat = self.resident.heartbeats.get(&activity_id).map(|beat| beat.at);
        let deadline = activity.durable_deadline(heartbeat);
        let Some((_, deadline)) = deadline.filter(|(at, _)| *at <= self.turn.now) else {
            return false;
        };
        if matches!(activity.state, ActivityState::Started(_)) {
            let run_id = self.resident.run_id;
            self.turn.effects.push(Effect::CancelAttempt { run_id, activity_id });
        }
        self.run_out(activity_id, deadline, None);
        true
    }

    /// The clock has reached the time of one of the run's rows.
    pub(super) fn fire(&mut self, id: u32) {
        let (run, now) = (&self.resident.run, self.turn.now);
        let command = match id {
            keys::START_DELAY_ID => Command::ElapseStartDelay,
            keys::EXECUTION_TIMEOUT_ID => match run.deadline() {
                Some((at, _)) if at <= now => Command::TimeOut,
                _ => return,
            },
            id if let Some(activity_id) = keys::deadline_of(id) => {
                self.meet_deadline(activity_id);
                return;
            }
            id if run.timers.get(&id).is_some_and(|timer| timer.fires_at <= now) => {
                Command::FireTimer { timer_id: id }
            }
            activity_id => match run.activities.get(&activity_id).map(|activity| activity.state) {
                Some(ActivityState::BackingOff(at)) if at <= now => {
                    if self.is_transaction(activity_id) {
                        self.queue_transaction(activity_id);
                        return;
                    }
                    self.start_or_offer(activity_id);
                    return;
                }
                _ => return,
            },
        };
        self.execute_own(command);
    }
}
