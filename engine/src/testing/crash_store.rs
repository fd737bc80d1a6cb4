//! A store in memory that dies after so many commits.
//!
//! Invariant: what was committed before is there afterwards, and nothing else is. The commit that
//! meets the end is refused whole, as by a process that was killed before it; or it is there whole,
//! and nobody hears of it, as by a process that was killed right after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use everstep_storage::{
    Batch, Commit, Completion, MemoryStore, Snapshot, Store, StoreError, StoreStats,
};

/// Never.
const NEVER: u64 = u64::MAX;

/// When a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// Not at all.
    Never,
    /// After so many commits, at the next one: what came of them was heard of.
    Before(u64),
    /// At the commit after so many, which is durable, and which nobody hears of.
    Unheard(u64),
}

impl Death {
    /// Commits that are durable then.
    pub(super) const fn commits(self) -> u64 {
        match self {
            Self::Never => NEVER,
            Self::Before(commits) => commits,
            Self::Unheard(before) => before + 1,
        }
    }
}

pub(super) struct CrashStore {
    rows: Arc<MemoryStore>,
    commits_left: AtomicU64,
    /// The commit that meets the end is written all the same.
    unheard: AtomicBool,
    crashed: AtomicBool,
}

impl CrashStore {
    /// Over rows that outlive it; commits without a limit until it is armed.
    pub(super) fn over(rows: Arc<MemoryStore>) -> Self {
        Self {
            rows,
            commits_left: AtomicU64::new(NEVER),
            unheard: AtomicBool::new(false),
            crashed: AtomicBool::new(false),
        }
    }

    /// How many commits succeed from now on.
    pub(super) fn arm(&self, death: Death) {
        let left = match death {
            Death::Never => NEVER,
            Death::Before(commits) | Death::Unheard(commits) => commits,
        };
        self.unheard.store(matches!(death, Death::Unheard(_)), Ordering::SeqCst);
        self.commits_left.store(left, Ordering::SeqCst);
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
            let is_first = !self.crashed.swap(true, Ordering::SeqCst);
            if is_first && self.unheard.load(Ordering::SeqCst) {
                self.rows.commit(batch)?;
            }
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
