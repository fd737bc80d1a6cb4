//! What the committer, the applier and the readers share.
//!
//! Invariant: locks are taken in the order committer, applier, between, overlay, views, published;
//! none of the last three is held while a disk is waited for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;

use super::applier::Applier;
use super::backend::FileGauge;
use super::committer::Committer;
use super::config::{EmbeddedConfig, Threads};
use super::counters::{Amount, Counters, Published};
use super::disk::Disk;
use super::helpers::Helpers;
use super::journal::Journal;
use super::overlay::Overlay;
use super::queue::Queue;
use super::state::StateFile;
use super::views::Views;
use crate::codec::{seal_writes, unseal_row};
use crate::error::StoreError;
use crate::record::Malformed;
use crate::stats::{Health, StoreStats};

pub(super) struct Core {
    pub(super) config: EmbeddedConfig,
    pub(super) threads: Threads,
    pub(super) overlay: Overlay,
    pub(super) views: Views,
    pub(super) helpers: Helpers,
    pub(super) published: Published,
    pub(super) queue: Queue,
    pub(super) committer: Mutex<Committer>,
    pub(super) applier: Mutex<Applier>,
    /// Held from a commit's first change of the overlay until it is published.
    between: Mutex<()>,
    pub(super) counters: Counters,
    pub(super) progress: Progress,
    journal_gauge: Arc<FileGauge>,
    /// Of the state file and of the values.
    state_gauges: [Arc<FileGauge>; 2],
    /// Syncs that opening took.
    first_sync: u64,
    /// Found waiting when the store was opened, by sequence number and amount.
    opened: (u64, Amount),
    stopped: OnceLock<Arc<str>>,
}

/// How far the applier is, and who waits for it.
pub(super) struct Progress {
    applied: AtomicU64,
    amount: Mutex<Amount>,
    changed: Condvar,
    /// The committer waits for room.
    pub(super) wanted: AtomicBool,
    /// Nobody commits any more: the applier may go.
    pub(super) finished: AtomicBool,
    wake: Mutex<bool>,
    applier: Condvar,
}

impl Core {
    /// Opens both files and recovers: what the journal has beyond the state file goes into the
    /// overlay.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        config: EmbeddedConfig,
        threads: Threads,
    ) -> Result<Self, StoreError> {
        let journal_gauge = Arc::<FileGauge>::default();
        let state_gauges: [Arc<FileGauge>; 2] = Default::default();
        let state = StateFile::open(Arc::clone(&disk), &config, state_gauges.clone())?;
        let view = state.view()?;
        let applied = view.applied;
        let (journal, tail) =
            Journal::open(&*disk, &config, threads, journal_gauge.clone(), applied)?;
        let coding = state.coding()?;
        let untouched = applied == 0 && tail.end == 0;
        super::coding::agree(&state, config.codec.as_deref(), coding, untouched)?;
        let overlay = Overlay::default();
        let mut waiting = Amount::default();
        for (sequence, writes) in &tail.batches {
            let records = crate::record::Records::new(writes).count() as u64;
            waiting = waiting.plus(Amount { records, bytes: writes.len() as u64 });
            overlay.insert(*sequence, writes, u64::MAX).map_err(|_| {
                StoreError::corrupt(format!("batch {sequence} in the journal is malformed"))
            })?;
        }
        Ok(Self {
            overlay,
            views: Views::new(view),
            helpers: Helpers::new(threads),
            published: Published::new(tail.end, waiting),
            queue: Queue::new(&config),
            committer: Mutex::new(Committer::new(journal, disk)),
            applier: Mutex::new(Applier::new(state, applied)),
            between: Mutex::default(),
            counters: Counters::default(),
            progress: Progress::new(applied),
            first_sync: journal_gauge.syncs.load(Ordering::Relaxed),
            opened: (tail.end, waiting),
            journal_gauge,
            state_gauges,
            stopped: OnceLock::new(),
            config,
            threads,
        })
    }

    /// A batch's encoded writes as they go to the journal and into the overlay.
    pub(super) fn seal(&self, sequence: u64, writes: Vec<u8>) -> Result<Bytes, Malformed> {
        let Some(codec) = self.config.codec.as_deref() else { return Ok(writes.into()) };
        let sealed = seal_writes(codec, sequence, &writes)?;
        self.counters.plain_bytes.fetch_add(writes.len() as u64, Ordering::Relaxed);
        self.counters.sealed_bytes.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        Ok(sealed.into())
    }

    /// A row's value as it was written; `stored` is what the overlay and the state file hold.
    pub(super) fn unseal(&self, row: (u8, &[u8]), stored: Bytes) -> Result<Bytes, StoreError> {
        match self.config.codec.as_deref() {
            Some(codec) if !stored.is_empty() => {
                unseal_row(codec, row, &stored).inspect_err(|error| {
                    self.counters.unreadable.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%error, "a value cannot be read");
                })
            }
            _ => Ok(stored),
        }
    }

    /// Takes nothing any more, for this reason; the first reason stands.
    pub(super) fn stop(&self, reason: &str) {
        let reason: Arc<str> = reason.into();
        if self.stopped.set(reason.clone()).is_ok() {
            tracing::info!(%reason, "store stopped");
        }
        self.progress.nudge();
    }

    /// Why the store has stopped, if it has.
    pub(super) fn stopped(&self) -> Option<StoreError> {
        self.stopped.get().map(|reason| StoreError::Stopped { reason: reason.clone() })
    }

    pub(super) fn ensure_running(&self) -> Result<(), StoreError> {
        self.stopped().map_or(Ok(()), Err)
    }

    /// While this is held, no commit is under way: all that the overlay has is published, unless
    /// the store has stopped.
    pub(super) fn quiet(&self) -> MutexGuard<'_, ()> {
        self.between.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock on the applier. A checkpoint that panicked has stopped the store.
    pub(super) fn applier(&self) -> Result<MutexGuard<'_, Applier>, StoreError> {
        self.applier.lock().map_err(|_| {
            self.stop("a checkpoint panicked");
            StoreError::Stopped { reason: "a checkpoint panicked".into() }
        })
    }

    /// The lock on the committer. A commit that panicked has stopped the store.
    pub(super) fn committer(&self) -> Result<MutexGuard<'_, Committer>, StoreError> {
        self.committer.lock().map_err(|_| self.commit_panicked())
    }

    pub(super) fn commit_panicked(&self) -> StoreError {
        self.stop("a commit panicked");
        StoreError::Stopped { reason: "a commit panicked".into() }
    }

    /// What waits for a checkpoint.
    pub(super) fn lag(&self) -> Amount {
        self.published.get().1.minus(self.progress.amount())
    }

    /// More waits for the applier than may.
    pub(super) fn lags_too_much(&self) -> bool {
        let lag = self.lag();
        lag.records > self.config.max_lag_records || lag.bytes > self.config.max_lag_bytes
    }

    pub(super) fn stats(&self) -> StoreStats {
        let (sequence, total) = self.published.get();
        let done = total.minus(self.opened.1);
        let nanoseconds = self.counters.last_checkpoint_ns.load(Ordering::Relaxed);
        StoreStats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            syncs: self.journal_gauge.syncs.load(Ordering::Relaxed) - self.first_sync,
            records: done.records,
            bytes: done.bytes,
            overlay_rows: self.overlay.rows() as u64,
            overlay_bytes: self.lag().bytes,
            sequence,
            applied_sequence: self.progress.applied(),
            checkpoints: self.counters.checkpoints.load(Ordering::Relaxed),
            last_checkpoint: std::time::Duration::from_nanos(nanoseconds),
            journal_bytes: self.journal_gauge.length.load(Ordering::Relaxed),
            state_bytes: self
                .state_gauges
                .iter()
                .map(|gauge| gauge.length.load(Ordering::Relaxed))
                .sum(),
            plain_bytes: self.counters.plain_bytes.load(Ordering::Relaxed),
            sealed_bytes: self.counters.sealed_bytes.load(Ordering::Relaxed),
            unreadable_values: self.counters.unreadable.load(Ordering::Relaxed),
            health: self
                .stopped
                .get()
                .map_or(Health::Ok, |reason| Health::Stopped { reason: reason.clone() }),
        }
    }
}

impl Progress {
    fn new(applied: u64) -> Self {
        Self {
            applied: AtomicU64::new(applied),
            amount: Mutex::default(),
            changed: Condvar::new(),
            wanted: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            wake: Mutex::new(false),
            applier: Condvar::new(),
        }
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    fn amount(&self) -> Amount {
        *self.amount.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A checkpoint is durable.
    pub(super) fn set_applied(&self, sequence: u64, amount: Amount) {
        let mut applied = self.amount.lock().unwrap_or_else(PoisonError::into_inner);
        *applied = amount;
        self.applied.store(sequence, Ordering::Release);
        drop(applied);
        self.changed.notify_all();
    }

    /// Wakes whoever waits, to look again.
    pub(super) fn nudge(&self) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.applier.notify_all();
        // Under the lock, lest a waiter look before and sleep after.
        drop(self.amount.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Sleeps until a checkpoint, or a stop, makes `enough` true.
    pub(super) fn wait_until(&self, enough: impl Fn(Amount) -> bool) {
        let mut amount = self.amount.lock().unwrap_or_else(PoisonError::into_inner);
        while !enough(*amount) {
            amount = self.changed.wait(amount).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The applier's sleep: until nudged, or until it is time to look.
    pub(super) fn doze(&self, at_most: std::time::Duration) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut wake, _) = self
            .applier
            .wait_timeout_while(wake, at_most, |wake| !*wake)
            .unwrap_or_else(PoisonError::into_inner);
        *wake = false;
    }
}
