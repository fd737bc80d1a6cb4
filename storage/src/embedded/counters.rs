//! What the store counts about itself, and how far it has come.
//!
//! Invariant: a sequence number is published only after its sync, together with what it adds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many writes there are, up to some sequence number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Amount {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_sub(other.records),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// The newest durable sequence number, and everything up to it.
#[derive(Debug)]
pub(super) struct Published {
    newest: AtomicU64,
    total: Mutex<(u64, Amount)>,
}

impl Published {
    /// `waiting` writes up to `sequence` were found in the journal and not in the state file.
    pub(super) fn new(sequence: u64, waiting: Amount) -> Self {
        Self { newest: AtomicU64::new(sequence), total: Mutex::new((sequence, waiting)) }
    }

    fn total(&self) -> MutexGuard<'_, (u64, Amount)> {
        self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sequence(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// The sequence number and all writes up to it since the store was opened, and those found
    /// waiting then.
    pub(super) fn get(&self) -> (u64, Amount) {
        *self.total()
    }

    pub(super) fn publish(&self, sequence: u64, added: Amount) {
        let mut total = self.total();
        *total = (sequence, total.1.plus(added));
        self.newest.store(sequence, Ordering::Release);
    }
}

/// Everything else.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) last_checkpoint_ns: AtomicU64,
    pub(super) plain_bytes: AtomicU64,
    pub(super) sealed_bytes: AtomicU64,
    pub(super) unreadable: AtomicU64,
}

impl Counters {
    pub(super) fn checkpoint(&self, took: Duration) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.last_checkpoint_ns.store(took, Ordering::Relaxed);
    }
}
