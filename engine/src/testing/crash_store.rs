//! A store in memory that dies after so many commits.
//!
//! Invariant: what was committed before is there afterwards, and nothing else is: the commit that
//! meets the end is refused whole, as by a process that was killed before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use everstep_storage::{
    Batch, Commit, Completion, MemoryStore, Snapshot, Store, StoreError, StoreStats,
};

/// Never.
pub(super) const NEVER: u64 = u64::MAX;

pub(super) struct CrashStore {
    rows: Arc<MemoryStore>,
    commits_left: AtomicU64,
    crashed: AtomicBool,
}

impl CrashStore {
    /// Over rows that outlive it; commits without a limit until it is armed.
    pub(super) fn over(rows: Arc<MemoryStore>) -> Self {
        Self { rows, commits_left: AtomicU64::new(NEVER), crashed: AtomicBool::new(false) }
    }

    /// From now on so many commits succeed.
    pub(super) fn arm(&self, commits: u64) {
        self.commits_left.store(commits, Ordering::SeqCst);
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }
}

impl Store for CrashStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.rows.snapshot()
    }

    fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let left = self.commits_left.load(Ordering::SeqCst);
        if left == 0 {
            self.crashed.store(true, Ordering::SeqCst);
            return Err(StoreError::Stopped { reason: "crashed on purpose".into() });
        }
        if left != NEVER {
            self.commits_left.store(left - 1, Ordering::SeqCst);
        }
        self.rows.commit(batch)
    }

    fn submit(&self, batch: Batch, done: Completion) {
        done(self.commit(batch));
    }

    fn sequence(&self) -> u64 {
        self.rows.sequence()
    }

    fn stats(&self) -> StoreStats {
        self.rows.stats()
    }

    /// The rows stay: another engine goes on with them.
    fn close(&self) {}
}
