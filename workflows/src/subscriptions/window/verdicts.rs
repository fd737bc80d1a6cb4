//! What consumers say of events that they were handed.
//!
//! Invariant: a verdict counts for the attempt that it is of, and once.

use std::sync::Arc;

use super::parking::Parked;
use super::{Open, State, Window};

/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 512;

/// What a consumer says of an event that it was handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::subscriptions) enum Verdict {
    /// It is done.
    Ack,
    /// Try again, after so long or the subscription's own pause.
    Retry { after_ms: Option<u64>, reason: String },
    /// Give up.
    Park { reason: String },
    /// It takes longer.
    Extend { lease_ms: u64 },
}

/// What became of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::subscriptions) enum Taken {
    Done,
    /// It was settled before.
    Already,
    /// It was handed out again, or parked, meanwhile.
    Late,
}

impl Window {
    /// What a consumer says of an event that was handed to it in `attempt`.
    pub(in crate::subscriptions) fn judge(
        &mut self,
        position: u64,
        attempt: u32,
        verdict: &Verdict,
        now_ms: i64,
    ) -> Taken {
        let Some(open) = self.open.get(&position) else {
            let is_known = position <= self.read_to || self.settled.contains(&position);
            let is_parked = self.parked.contains_key(&position);
            return if is_known && !is_parked { Taken::Already } else { Taken::Late };
        };
        let is_leased = matches!(open.state, State::Leased { .. });
        // What came back and was not handed out again may still be settled by who had it.
        let takes = open.attempt == attempt && attempt > 0;
        if !takes
            || (!is_leased && matches!(verdict, Verdict::Retry { .. } | Verdict::Extend { .. }))
        {
            return Taken::Late;
        }
        let Some(mut open) = self.take_open(position) else { return Taken::Late };
        match verdict {
            Verdict::Ack => {
                self.state.acknowledged += 1;
                let key = Arc::clone(&open.key);
                self.settle(position, now_ms);
                self.refresh(&key);
            }
            Verdict::Retry { after_ms, reason } => {
                self.state.retried += 1;
                match open.tries >= self.settings.max_attempts {
                    true => self.give_up(position, open, reason, now_ms),
                    false => self.rest(position, open, reason, *after_ms, now_ms),
                }
            }
            Verdict::Park { reason } => self.give_up(position, open, reason, now_ms),
            Verdict::Extend { lease_ms } => {
                if let State::Leased { until_ms, .. } = &mut open.state {
                    let more = i64::try_from(*lease_ms).unwrap_or(i64::MAX);
                    *until_ms = now_ms.saturating_add(more).max(*until_ms);
                }
                self.put_open(position, open);
            }
        }
        Taken::Done
    }

    fn rest(
        &mut self,
        position: u64,
        mut open: Open,
        reason: &str,
        after_ms: Option<u64>,
        now_ms: i64,
    ) {
        let pause = after_ms.unwrap_or_else(|| self.settings.backoff(open.tries));
        let until_ms = now_ms.saturating_add(i64::try_from(pause).unwrap_or(i64::MAX));
        open.state = State::Resting { until_ms, reason: cut(reason) };
        self.put_open(position, open);
    }

    /// The event, which is open no more, is dealt with.
    pub(super) fn settle(&mut self, position: u64, now_ms: i64) {
        if position > self.state.checkpoint {
            self.settled.insert(position);
            self.changed.insert(position);
        }
        self.state.progress_at_ms = now_ms;
        self.move_checkpoint();
    }

    /// Parks an event; where there is no room for that it rests as long as it may.
    pub(super) fn give_up(&mut self, position: u64, open: Open, reason: &str, now_ms: i64) {
        if !self.has_room_to_park() {
            let longest = Some(self.settings.max_backoff_ms);
            self.rest(position, open, reason, longest, now_ms);
            return;
        }
        let Open { key, attempt, .. } = open;
        let reason = cut(reason);
        self.state.progress_at_ms = now_ms;
        let lane = Arc::clone(&key);
        self.put_parked(
            position,
            Parked { key, attempt, reason, parked_at_ms: now_ms, is_behind: false },
        );
        self.put_behind(&lane, now_ms);
        self.move_checkpoint();
    }
}

fn cut(reason: &str) -> String {
    let mut end = reason.len().min(LONGEST_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}
