//! Moves a manual clock from due instant to due instant, and lets everything settle at each.

use super::effect::Effect;
use super::message::Reply;
use super::shard::Shard;
use super::{keys, recovery};
use crate::{Rejection, Timestamp};

/// A request to move a manual clock.
pub(super) struct Advance {
    pub(super) ms: u64,
    /// Known when those before it have arrived at theirs.
    pub(super) target: Option<Timestamp>,
    pub(super) reply: Reply<Timestamp>,
}

impl Shard {
    /// Moves a manual clock on, once everything that is due has been settled.
    pub(super) fn advance_clock(&mut self) {
        if self.advancing.is_empty() || !self.is_settled() {
            return;
        }
        let now = self.turn.now;
        let Some(advance) = self.advancing.front_mut() else { return };
        let target = *advance.target.get_or_insert_with(|| now.plus_millis(advance.ms));
        if let Err(rejection) = self.load_timers_until(target) {
            self.stop(format!("failed to read timers: {rejection}"));
            return;
        }
        let clock = &self.inner.config.clock;
        if let Some(due) = self.timers.next_due()
            && due <= target
        {
            clock.set(due);
            return;
        }
        clock.set(target);
        self.turn.now = target;
        if let Some(Advance { reply, .. }) = self.advancing.pop_front() {
            self.turn.batch.put(keys::META, recovery::CLOCK, &target.as_millis().to_be_bytes());
            self.turn.effects.push(Effect::AnswerClock(reply, target));
        }
        self.flush();
    }

    pub(super) fn load_timers_until(&mut self, target: Timestamp) -> Result<(), Rejection> {
        if self.timers.must_load(target) {
            let snapshot = self.inner.store.snapshot()?;
            self.timers.load(&*snapshot, target)?;
        }
        Ok(())
    }

    pub(super) fn is_settled(&self) -> bool {
        self.in_flight.is_none()
            && self.inner.inbox.len() == 0
            && self.turn.batch.is_empty()
            && self.turn.effects.is_empty()
            && self.ended.is_empty()
            && self.recovery.is_done()
            && self.turn.mailbox.is_empty()
            && !self.schedules.wait()
            && self.timers.next_due().is_none_or(|due| due > self.turn.now)
    }
}
