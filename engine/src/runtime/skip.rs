//! Lets a manual clock skip: to the next instant at which something is due, once all that runs has
//! ended. What the test kit plays with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::message::Reply;
use super::shard::Shard;
use crate::Timestamp;

/// A request to skip to the next due instant, or to `until` where none comes before.
pub(super) struct Skip {
    pub(super) until: Timestamp,
    /// Attempts that only end when they are told to: nobody waits for them.
    pub(super) hanging: Arc<AtomicUsize>,
    /// The clock was moved; what is due is still to be settled.
    pub(super) moved: bool,
    /// The same, and the loop has not come around since.
    pub(super) just_moved: bool,
    /// Whether there was a due instant.
    pub(super) reply: Reply<bool>,
}

impl Shard {
    pub(super) fn skip_time(&mut self) {
        let Some(skip) = self.skips.front_mut() else { return };
        if self.stopped.is_some() {
            // Memory is ahead of the store; time must not follow it.
            return;
        }
        // The loop has come around since, and what was due has fired.
        skip.just_moved = false;
        let (until, moved) = (skip.until, skip.moved);
        let hanging = skip.hanging.load(Ordering::SeqCst);
        if !self.is_settled() || self.attempts.len() > hanging {
            return;
        }
        if !moved {
            if let Err(rejection) = self.load_timers_until(until) {
                self.stop(format!("failed to read timers: {rejection}"));
                return;
            }
            let due = self.timers.next_due().filter(|due| *due <= until);
            self.inner.config.clock.set(due.unwrap_or(until));
            if due.is_some() {
                if let Some(skip) = self.skips.front_mut() {
                    (skip.moved, skip.just_moved) = (true, true);
                }
                return;
            }
            self.turn.now = until;
        }
        if let Some(Skip { moved, reply, .. }) = self.skips.pop_front() {
            // Who stopped waiting is no concern.
            let _ = reply.send(Ok(moved));
        }
    }

    /// The clock was moved, and the loop must come around for it.
    pub(super) fn has_just_skipped(&self) -> bool {
        self.skips.front().is_some_and(|skip| skip.just_moved)
    }
}
