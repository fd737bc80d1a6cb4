//! The store itself: the seam in front of the committer, the applier and the readers.
//!
//! Invariant: completions run under no lock of the store's, in the order of the batches that were
//! submitted, each exactly once.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};

use super::config::{EmbeddedConfig, Threads};
use super::core::Core;
use super::disk::{DirectoryDisk, Disk};
use super::queue::Pending;
use super::snapshot::EmbeddedSnapshot;
use super::{applier, committer::Outcome};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::stats::StoreStats;
use crate::store::{Commit, Completion, Snapshot, Store};

/// A store in a directory of its own, on redb.
///
/// Dropping it closes it.
pub struct EmbeddedStore {
    core: Arc<Core>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

thread_local! {
    /// This thread is calling completions: it must not wait for the committer, which it may be.
    static COMPLETING: Cell<bool> = const { Cell::new(false) };
}

impl EmbeddedStore {
    /// Opens the store in `dir`, and makes both if they are missing. What was acknowledged before
    /// is there when this returns, whatever happened since.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`], [`StoreError::NewerFormat`], [`StoreError::Corrupt`]; I/O
    /// errors.
    pub fn open(dir: impl AsRef<Path>, config: EmbeddedConfig) -> Result<Self, StoreError> {
        Self::open_with(DirectoryDisk::open(dir.as_ref())?, config, Threads::Own)
    }

    /// Opens the store on any disk, with or without threads of its own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        disk: impl Disk,
        config: EmbeddedConfig,
        threads: Threads,
    ) -> Result<Self, StoreError> {
        // redb trusts a file that was closed cleanly, and panics if it should not have.
        let opened = catch_unwind(AssertUnwindSafe(|| Core::open(Arc::new(disk), config, threads)));
        let core = Arc::new(opened.unwrap_or_else(|_| {
            Err(StoreError::corrupt("a file makes no sense to redb; restore the store from a copy"))
        })?);
        let store = Self { core, workers: Mutex::default() };
        if threads == Threads::Own {
            store.spawn("store-committer", |core| {
                let mut group = Vec::new();
                while core.queue.wait() {
                    commit_waiting(core, &mut group);
                }
            })?;
            store.spawn("store-applier", applier::run)?;
            for _ in 0..store.core.helpers.number() {
                store.spawn("store-helper", |core| core.helpers.run())?;
            }
        }
        Ok(store)
    }

    fn spawn(&self, name: &str, work: fn(&Core)) -> Result<(), StoreError> {
        let core = self.core.clone();
        let worker = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&core))
            .map_err(StoreError::io("start a thread of the store"))?;
        self.workers().push(worker);
        Ok(())
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the state file up to date now. `false`: it was. Never needed; checkpoints come by
    /// themselves where the store has threads of its own.
    ///
    /// # Errors
    /// I/O errors, after which the store has stopped.
    pub fn checkpoint(&self) -> Result<bool, StoreError> {
        self.core.ensure_running()?;
        applier::checkpoint(&self.core)
    }

    /// Commits batches with one sync, as if they had waited together, and returns their outcomes.
    pub fn commit_together(&self, batches: Vec<Batch>) -> Vec<Result<Commit, StoreError>> {
        let mut outcomes = Vec::with_capacity(batches.len());
        match self.core.committer() {
            Err(error) => outcomes.resize_with(batches.len(), || Err(error.clone())),
            Ok(mut committer) => committer.commit_group(&self.core, batches.into_iter(), |own| {
                outcomes.push(own);
            }),
        }
        outcomes
    }

    /// Runs the commit on this thread if that delays nobody; else gives the batch back.
    fn commit_here(&self, batch: Batch) -> Result<Outcome, Batch> {
        let core = &*self.core;
        let wait = core.threads == Threads::None || COMPLETING.get();
        let mut committer = if wait {
            match core.committer() {
                Ok(committer) => committer,
                Err(error) => return Ok(Err(error)),
            }
        } else {
            match core.committer.try_lock() {
                Ok(committer) if core.queue.is_idle() => committer,
                Ok(_) | Err(TryLockError::WouldBlock) => return Err(batch),
                Err(TryLockError::Poisoned(_)) => return Ok(Err(core.commit_panicked())),
            }
        };
        Ok(committer.commit(core, batch))
    }
}

/// Why a store stops when its own code fails.
const PANICKED: &str = "a commit panicked";

/// The committer's turn: all that waits, as one group.
fn commit_waiting(core: &Core, group: &mut Vec<Pending>) {
    let committer = core.committer();
    // Drained under the committer's lock, so that nobody overtakes what was drained.
    core.queue.drain(group);
    let (batches, completions): (Vec<_>, Vec<_>) =
        group.drain(..).map(|Pending { batch, done }| (batch, done)).unzip();
    let mut outcomes = Vec::with_capacity(batches.len());
    let committed = catch_unwind(AssertUnwindSafe(|| match committer {
        Ok(mut committer) => {
            committer.commit_group(core, batches.into_iter(), |outcome| outcomes.push(outcome));
        }
        Err(error) => outcomes.resize_with(batches.len(), || Err(error.clone())),
    }));
    if committed.is_err() {
        core.stop(PANICKED);
        let unknown = || Err(StoreError::OutcomeUnknown { reason: PANICKED.into() });
        outcomes.resize_with(completions.len(), unknown);
    }
    for (done, outcome) in completions.into_iter().zip(outcomes) {
        complete(done, outcome);
    }
}

fn complete(done: Completion, outcome: Outcome) {
    let before = COMPLETING.replace(true);
    // A caller's mistake must not silence the committer for everybody else.
    if catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err() {
        tracing::error!("a completion panicked");
    }
    COMPLETING.set(before);
}

fn join(core: &Core, worker: JoinHandle<()>) {
    // Closed by one of its own completions, the store cannot wait for itself.
    if worker.thread().id() != thread::current().id() && worker.join().is_err() {
        core.stop("a thread of the store panicked");
    }
}

/// Where a caller of `commit` waits for the committer's thread.
#[derive(Default)]
struct Waiter {
    outcome: Mutex<Option<Outcome>>,
    told: Condvar,
}

impl Store for EmbeddedStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.core.ensure_running()?;
        Ok(Box::new(EmbeddedSnapshot::new(self.core.clone())?))
    }

    fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        let batch = match self.commit_here(batch) {
            Ok(outcome) => return outcome,
            Err(batch) => batch,
        };
        let waiter = Arc::new(Waiter::default());
        let told = waiter.clone();
        let done = move |outcome| {
            *told.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            told.told.notify_one();
        };
        self.submit(batch, Box::new(done));
        let mut outcome = waiter.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match outcome.take() {
                Some(outcome) => return outcome,
                None => {
                    outcome = waiter.told.wait(outcome).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn submit(&self, batch: Batch, done: Completion) {
        if self.core.threads == Threads::None {
            let outcome = match self.core.committer() {
                Ok(mut committer) => committer.commit(&self.core, batch),
                Err(error) => Err(error),
            };
            return complete(done, outcome);
        }
        let pending = Pending { batch, done };
        if let Err(Pending { done, .. }) = self.core.queue.push(pending, COMPLETING.get()) {
            let closed = StoreError::Stopped { reason: "closed".into() };
            complete(done, Err(self.core.stopped().unwrap_or(closed)));
        }
    }

    fn sequence(&self) -> u64 {
        self.core.published.sequence()
    }

    fn stats(&self) -> StoreStats {
        self.core.stats()
    }

    fn close(&self) {
        let core = &*self.core;
        core.queue.close();
        let mut workers = std::mem::take(&mut *self.workers()).into_iter();
        if let Some(committer) = workers.next() {
            join(core, committer);
        }
        // With the committer's lock, so that a commit that runs elsewhere comes before; it may be
        // waiting for the applier, which therefore goes after it.
        let committer = core.committer();
        core.progress.finished.store(true, Ordering::Release);
        core.progress.nudge();
        core.helpers.close();
        workers.for_each(|worker| join(core, worker));
        let clean = core.stopped().is_none();
        if clean {
            if let Err(error) = applier::checkpoint(core) {
                tracing::error!(%error, "last checkpoint failed");
            }
            core.stop("closed");
        }
        drop(committer);
        core.views.close();
        let closed = core.committer().and_then(|mut committer| committer.close());
        let closed =
            closed.and(core.applier().and_then(|mut applier| applier.close(core.views.floor())));
        if let Ok(mut committer) = core.committer() {
            committer.release();
        }
        if let Err(error) = closed
            && clean
        {
            tracing::error!(%error, "closing the store's files failed");
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}
