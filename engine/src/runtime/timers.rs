//! What the clock will wake, in memory: only what is due soon.
//!
//! Invariant: every durable timer has a row in `TIMERS`; the queue holds at least those rows that
//! are due up to `loaded_until`, and what is withdrawn leaves it at once. An entry whose row is gone
//! all the same fires into nothing, so the queue may hold too much and never too little. A sleeping
//! run costs its row and no memory.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use everstep_storage::{Range, Snapshot};

use super::keys::{self, SHARDS, TIMERS, TimerKey};
use crate::{Rejection, RunId, Timestamp};

/// What is due. The run comes first, so that two entries are told apart by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A durable timer.
    Timer { run_id: RunId, id: u32, namespace: Arc<str> },
    /// A schedule's next firing.
    Schedule { namespace: Arc<str>, schedule_id: Arc<str> },
    /// Code that failed is tried again.
    TaskRetry { run_id: RunId, namespace: Arc<str> },
    /// An attempt that runs in this process is to be looked at.
    Attempt { run_id: RunId, activity_id: u32, attempt: u32 },
    /// A task queue may start again what its rate has held back.
    Queue { namespace: Arc<str>, name: Arc<str> },
}

/// How far ahead of now rows are loaded, in milliseconds: short, so that no load is long.
const HORIZON_MS: u64 = 10_000;
/// Rows that are read at once.
const PAGE: usize = 4_096;

#[derive(Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Timestamp, Due)>,
    loaded_until: Timestamp,
    /// Rows beyond `loaded_until` that are not durable yet, so that no scan finds them.
    beyond: Vec<(u64, Timestamp, Due)>,
}

impl Timers {
    pub(super) fn push(&mut self, at: Timestamp, due: Due) {
        self.queue.insert((at, due));
    }

    /// Takes out what is no longer wanted.
    pub(super) fn remove(&mut self, at: Timestamp, due: &Due) {
        self.queue.remove(&(at, due.clone()));
    }

    /// A row was deleted.
    pub(super) fn row_deleted(&mut self, namespace: &Arc<str>, key: &TimerKey) {
        if key.due <= self.loaded_until {
            let (run_id, id) = (key.run_id, key.id);
            self.remove(key.due, &Due::Timer { run_id, id, namespace: Arc::clone(namespace) });
        }
    }

    /// A run's row was written in turn `turn`.
    pub(super) fn row_written(&mut self, namespace: &Arc<str>, key: &TimerKey, turn: u64) {
        let due = Due::Timer { namespace: Arc::clone(namespace), run_id: key.run_id, id: key.id };
        self.written(key.due, due, turn);
    }

    /// A row was written in turn `turn`.
    pub(super) fn written(&mut self, at: Timestamp, due: Due, turn: u64) {
        if at <= self.loaded_until {
            self.push(at, due);
        } else {
            self.beyond.push((turn, at, due));
        }
    }

    /// Rows up to turn `turn` can be found in the store now.
    pub(super) fn durable(&mut self, turn: u64) {
        if self.beyond.first().is_some_and(|(first, ..)| *first <= turn) {
            let still = self.beyond.partition_point(|(written, ..)| *written <= turn);
            self.beyond.drain(..still);
        }
    }

    /// Whether rows must be loaded before `now` can be served.
    pub(super) fn must_load(&self, now: Timestamp) -> bool {
        now.plus_millis(HORIZON_MS / 2) > self.loaded_until
    }

    /// Loads the rows that are due up to a horizon beyond `now`.
    pub(super) fn load(
        &mut self,
        snapshot: &dyn Snapshot,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let until = now.plus_millis(HORIZON_MS);
        for shard in 0..SHARDS {
            let shard = shard.to_be_bytes()[1];
            self.load_shard(snapshot, shard, until)?;
        }
        for (_, at, due) in std::mem::take(&mut self.beyond) {
            // One that is beyond even this horizon is durable by the next load: turns are short.
            self.push(at, due);
        }
        self.loaded_until = until;
        Ok(())
    }

    fn load_shard(
        &mut self,
        snapshot: &dyn Snapshot,
        shard: u8,
        until: Timestamp,
    ) -> Result<(), Rejection> {
        let key = |at: i64| [&[shard][..], &at.to_be_bytes()].concat();
        let start = match self.loaded_until.as_millis() {
            0 => 0,
            loaded => loaded + 1,
        };
        let (mut from, to) = (key(start), key(until.as_millis() + 1));
        loop {
            let range =
                Range::new(TIMERS, Bound::Included(&from), Bound::Excluded(&to)).limit(PAGE);
            let rows = snapshot.range(range)?;
            for (key, schedule_id) in &rows {
                let (namespace, timer) = keys::parse_timer(key).ok_or_else(|| {
                    Rejection::Corrupt(format!("a timer's key cannot be read: {key:?}"))
                })?;
                let namespace = namespace.into();
                let due = match std::str::from_utf8(schedule_id) {
                    Ok("") => Due::Timer { namespace, run_id: timer.run_id, id: timer.id },
                    Ok(id) => Due::Schedule { namespace, schedule_id: id.into() },
                    Err(_) => {
                        let text = format!("a timer's schedule cannot be read: {key:?}");
                        return Err(Rejection::Corrupt(text));
                    }
                };
                self.push(timer.due, due);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE => {
                    from = last.to_vec();
                    from.push(0);
                }
                _ => return Ok(()),
            }
        }
    }

    /// When the next entry is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Entries behind one of them, or all, up to an instant.
    pub(super) fn after(
        &self,
        behind: Option<&(Timestamp, Due)>,
        until: Timestamp,
    ) -> impl Iterator<Item = &(Timestamp, Due)> {
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        self.queue.range((from, Bound::Unbounded)).take_while(move |(at, _)| *at <= until)
    }

    /// The next entry that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_due()? > now {
            return None;
        }
        self.queue.pop_first().map(|(_, due)| due)
    }

    /// Forgets everything; the rows know.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
