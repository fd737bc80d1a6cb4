//! Reads schedules before they are due, while there is nothing else to do: a thousand that fire at
//! the same second are then started without a look at the disk.
//!
//! Invariant: it changes nothing but what is in memory, and stops as soon as something waits.

use super::schedules::{ScheduleKey, read};
use super::shard::Shard;
use super::timers::Due;
use crate::Timestamp;

/// How long before it is due a schedule is read, in milliseconds.
const AHEAD_MS: u64 = 1_000;
/// Timers that are looked at before requests have their turn again.
const TIMERS_A_TURN: usize = 256;

/// How far the timers have been looked through.
pub(super) type Warmed = Option<(Timestamp, Due)>;

impl Shard {
    /// Reads some schedules that are due soon; whether there may be more.
    pub(super) fn warm_schedules(&mut self) -> bool {
        if self.turn.draining || !self.recovery.is_done() || self.inner.config.clock.is_manual() {
            return false;
        }
        let until = self.turn.now.plus_millis(AHEAD_MS);
        let mut last = None;
        let mut cold: Vec<ScheduleKey> = Vec::new();
        for entry in self.timers.after(self.schedules.warmed.as_ref(), until).take(TIMERS_A_TURN) {
            if let (_, Due::Schedule { namespace, schedule_id }) = entry {
                let key = (namespace.clone(), schedule_id.clone());
                if !self.schedules.knows(&key) {
                    cold.push(key);
                }
            }
            last = Some(entry.clone());
        }
        if last.is_none() {
            return false;
        }
        self.schedules.warmed = last;
        for key in cold {
            let found = self.snapshot().and_then(|snapshot| read(snapshot, &key.0, &key.1));
            match found {
                Ok(schedule) => self.return_schedule(key, schedule.map(Box::new)),
                // It is read again, and spoken of, when it is due.
                Err(rejection) => tracing::debug!(%rejection, "a schedule was not read ahead"),
            }
        }
        self.snapshot = None;
        true
    }
}
