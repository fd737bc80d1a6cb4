//! Batches that wait for the committer.
//!
//! Invariant: first in, first out; bounded; a sleeper is woken once, and only if it sleeps.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::config::EmbeddedConfig;
use crate::batch::Batch;
use crate::store::Completion;

/// A batch and whom to tell.
pub(super) struct Pending {
    pub(super) batch: Batch,
    pub(super) done: Completion,
}

pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// The committer sleeps here.
    work: Condvar,
    /// Submitters wait here while the queue is full.
    room: Condvar,
    most_batches: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Inner {
    waiting: Vec<Pending>,
    bytes: usize,
    closed: bool,
    asleep: bool,
    /// Submitters waiting for room.
    outside: usize,
}

impl Queue {
    pub(super) fn new(config: &EmbeddedConfig) -> Self {
        Self {
            inner: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            most_batches: config.queue_batches.max(1),
            most_bytes: config.queue_bytes.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch; waits for room unless `unbounded`. Gives it back if the queue is closed.
    pub(super) fn push(&self, pending: Pending, unbounded: bool) -> Result<(), Pending> {
        let mut inner = self.lock();
        while !unbounded
            && !inner.closed
            && (inner.waiting.len() >= self.most_batches || inner.bytes >= self.most_bytes)
        {
            inner.outside += 1;
            inner = self.room.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.outside -= 1;
        }
        if inner.closed {
            return Err(pending);
        }
        inner.bytes += pending.batch.bytes();
        inner.waiting.push(pending);
        if std::mem::take(&mut inner.asleep) {
            drop(inner);
            self.work.notify_one();
        }
        Ok(())
    }

    /// Whether nobody waits and the queue still takes batches.
    pub(super) fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.waiting.is_empty() && !inner.closed
    }

    /// Sleeps until something waits. `false`: it is closed and empty.
    pub(super) fn wait(&self) -> bool {
        let mut inner = self.lock();
        while inner.waiting.is_empty() {
            if inner.closed {
                return false;
            }
            inner.asleep = true;
            inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Exchanges all that waits for an empty vector.
    pub(super) fn drain(&self, into: &mut Vec<Pending>) {
        let mut inner = self.lock();
        std::mem::swap(&mut inner.waiting, into);
        inner.bytes = 0;
        if inner.outside > 0 {
            drop(inner);
            self.room.notify_all();
        }
    }

    /// Takes nothing any more; what waits stays.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }
}
