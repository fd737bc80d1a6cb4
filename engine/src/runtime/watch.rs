//! Watches attempts that run in this process: their deadlines, and the heartbeats that they give.
//!
//! One entry of the queue a running attempt: when it is due, the loop looks at the attempt, writes
//! a new heartbeat, ends what is out of time, and puts the entry where the next look is needed.
//!
//! Invariant: an attempt that is not watched has ended. What must survive the process is a durable
//! timer instead; see `Step::meet_deadline`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::attempts::Running;
use super::clock::Clock;
use super::engine::{Engine, Inner};
use super::inbox::Inbox;
use super::message::Message;
use super::shard::Shard;
use super::timers::Due;
use crate::kernel::{ActivityOptions, Deadline};
use crate::sdk::{AttemptHandle, AttemptHost};
use crate::{PayloadLimits, Rejection, RunId, Timestamp};

/// The longest pause between two writes of an attempt's heartbeats, in milliseconds.
const LONGEST_PAUSE_MS: u64 = 10_000;
/// The shortest, whatever the heartbeat timeout is.
const SHORTEST_PAUSE_MS: u64 = 10;

/// Milliseconds between two writes of an attempt's heartbeats: half of its timeout.
fn write_pause_ms(options: &ActivityOptions) -> u64 {
    let half = options.heartbeat_ms.map_or(LONGEST_PAUSE_MS, |ms| ms / 2);
    half.clamp(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS)
}

/// What attempts see of the engine.
pub(super) struct Host {
    inner: Weak<Inner>,
    inbox: Arc<Inbox>,
    clock: Clock,
    limits: PayloadLimits,
    shutting_down: AtomicBool,
}

impl Host {
    pub(super) const fn new(
        inner: Weak<Inner>,
        inbox: Arc<Inbox>,
        clock: Clock,
        limits: PayloadLimits,
    ) -> Self {
        Self { inner, inbox, clock, limits, shutting_down: AtomicBool::new(false) }
    }
}

impl AttemptHost for Host {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn engine(&self) -> Option<Engine> {
        self.inner.upgrade().map(|inner| Engine { inner, hides_values: false, refers: false })
    }

    fn limits(&self) -> &PayloadLimits {
        &self.limits
    }

    fn beaten(&self, run_id: RunId, activity_id: u32, attempt: u32) {
        // A loop that has ended watches nothing.
        let _ = self.inbox.push(Message::Heartbeat { run_id, activity_id, attempt });
    }

    fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Acquire)
    }
}

impl Shard {
    /// Puts the attempt's entry in the queue where the next look at it is needed.
    pub(super) fn watch_attempt(&mut self, run_id: RunId, activity_id: u32) {
        let deadline = self.attempt_deadline(run_id, activity_id).map(|(at, _)| at);
        let Some(running) = self.attempts.get_mut(run_id, activity_id) else { return };
        let due = Due::Attempt { run_id, activity_id, attempt: running.attempt };
        let look_at = deadline.into_iter().chain(running.write_at).min();
        let before = std::mem::replace(&mut running.look_at, look_at);
        if before == look_at {
            return;
        }
        if let Some(at) = before {
            self.timers.remove(at, &due);
        }
        if let Some(at) = look_at {
            self.timers.push(at, due);
        }
    }

    /// What ends the attempt that runs here, and when.
    fn attempt_deadline(&self, run_id: RunId, activity_id: u32) -> Option<(Timestamp, Deadline)> {
        let resident = self.residents.get(run_id)?;
        let activity = resident.run.activities.get(&activity_id)?;
        let running = self.attempts.get(run_id, activity_id)?;
        let heard_at = running.handle().and_then(AttemptHandle::heartbeat_at);
        let written_at = resident.heartbeats.get(&activity_id).map(|beat| beat.at);
        activity.attempt_deadline(heard_at.max(written_at))
    }

    /// Its entry is due, or it gave a heartbeat that nobody was looking for.
    pub(super) fn look_at_attempt(
        &mut self,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
    ) -> Result<(), Rejection> {
        if !self.attempts.runs(run_id, activity_id, attempt) {
            return Ok(());
        }
        self.ensure_resident_run(run_id)?;
        self.write_heartbeat(run_id, activity_id);
        match self.attempt_deadline(run_id, activity_id) {
            Some((at, deadline)) if at <= self.turn.now => {
                let forgotten = self.forget_attempt(run_id, activity_id, attempt);
                let heartbeat = forgotten.and_then(|forgotten| forgotten.heartbeat);
                self.step(run_id, |step| step.run_out(activity_id, deadline, heartbeat));
            }
            _ => self.watch_attempt(run_id, activity_id),
        }
        Ok(())
    }

    /// Writes the attempt's newest heartbeat, unless the last write was a moment ago.
    fn write_heartbeat(&mut self, run_id: RunId, activity_id: u32) {
        let now = self.turn.now;
        let Some(resident) = self.residents.get(run_id) else { return };
        let Some(activity) = resident.run.activities.get(&activity_id) else { return };
        let pause_ms = write_pause_ms(activity.options());
        let Some(running) = self.attempts.get_mut(run_id, activity_id) else { return };
        if running.write_at.is_some_and(|at| at > now) {
            return;
        }
        let unsaved = running.handle().and_then(AttemptHandle::take_unsaved);
        running.write_at = unsaved.is_some().then(|| now.plus_millis(pause_ms));
        if let Some(heartbeat) = unsaved {
            self.step(run_id, |step| step.save_heartbeat(activity_id, heartbeat));
        }
    }

    /// Writes the newest heartbeat of an activity that is about to run out of time.
    pub(super) fn save_heartbeat_of(&mut self, run_id: RunId, activity_id: u32) {
        let running = self.attempts.get(run_id, activity_id);
        let handle = running.and_then(Running::handle).filter(|handle| handle.has_beaten());
        if let Some(heartbeat) = handle.and_then(AttemptHandle::take_unsaved) {
            self.step(run_id, |step| step.save_heartbeat(activity_id, heartbeat));
        }
    }

    /// Tells every attempt that the server is about to end.
    pub(super) fn announce_shutdown(&self) {
        self.host.shutting_down.store(true, Ordering::Release);
        for (_, running) in self.attempts.iter() {
            if let Some(handle) = running.handle() {
                handle.nudge();
            }
        }
    }

    /// Writes what the attempts that are about to be lost have said last.
    pub(super) fn save_last_heartbeats(&mut self) {
        let beaten = self.attempts.iter().filter_map(|((run_id, activity_id), running)| {
            let handle = running.handle().filter(|handle| handle.has_beaten())?;
            Some((run_id, activity_id, handle.take_unsaved()?))
        });
        for (run_id, activity_id, heartbeat) in beaten.collect::<Vec<_>>() {
            self.step(run_id, |step| step.save_heartbeat(activity_id, heartbeat));
        }
    }
}
