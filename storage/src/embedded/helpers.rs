//! Threads that take a share of large reads: rows that lie far apart make the reader wait for
//! memory, one after the other, and a second processor waits for as many in the same time.
//!
//! Invariant: nobody waits for a helper. What it has taken and not finished when all is taken, the
//! reader reads itself. A helper that finishes late reads unlisted, with its view alive: what it
//! reads goes to nobody, and what it notes of places holds for its view's checkpoint alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::config::Threads;
use super::state::View;
use crate::error::StoreError;

/// Rows that are taken at once: some 10 µs, so that little is read twice.
const SHARE: usize = 8;
/// Fewer rows than this are read before a helper is awake.
const WORTH: usize = 4 * SHARE;
/// Reads that wait for help; the ones behind them go without.
const WAITING: usize = 16;
/// How long a helper that has nothing to do stays awake: about as long as waking it takes …
const LINGER: Duration = Duration::from_micros(50);
/// … unless that was in vain so many times, and then with one read of so many.
const TRIES: u32 = 4;
const NOW_AND_THEN: u32 = 64;
/// More helpers than this have little left to take.
const MOST: usize = 3;

type Rows = Result<Vec<Option<Bytes>>, StoreError>;

/// Rows that somebody reads.
struct Work {
    view: Arc<View>,
    table: u8,
    keys: Vec<Bytes>,
    /// The first share that nobody has taken.
    next: AtomicUsize,
    /// What was read, by share.
    shares: Vec<Mutex<Option<Rows>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under these locks leaves anything half done when it panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    fn new(view: &Arc<View>, table: u8, keys: Vec<Bytes>) -> Self {
        let shares = keys.chunks(SHARE).map(|_| Mutex::default()).collect();
        Self { view: Arc::clone(view), table, keys, next: AtomicUsize::new(0), shares }
    }

    fn read(&self, share: usize) -> Rows {
        let keys = self.keys.chunks(SHARE).nth(share).unwrap_or_default();
        self.view.get_all(self.table, keys)
    }

    /// Takes shares until there is none, or until it is to end.
    fn take_part(&self, ends: impl Fn() -> bool) {
        while !ends() {
            let share = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = self.shares.get(share) else { return };
            let rows = self.read(share);
            *lock(place) = Some(rows);
        }
    }

    /// All rows, in the order of their keys. What somebody else has not finished is read here.
    fn finish(&self) -> Rows {
        let mut all = Vec::with_capacity(self.keys.len());
        for (share, place) in self.shares.iter().enumerate() {
            let read = lock(place).take();
            all.extend(read.unwrap_or_else(|| self.read(share))?);
        }
        Ok(all)
    }
}

/// The helpers of one store.
pub(super) struct Helpers {
    /// How many there are.
    number: usize,
    inner: Mutex<Inner>,
    wake: Condvar,
    /// Reads that have asked for help so far.
    asked: AtomicU64,
    closed: AtomicBool,
}

#[derive(Default)]
struct Inner {
    /// Reads with shares that nobody has taken, as far as is known.
    waiting: VecDeque<Arc<Work>>,
    /// Helpers that must be woken.
    asleep: usize,
}

/// A read that has asked; dropped, it does so no more, also where reading panicked.
struct Asked<'a>(&'a Helpers, &'a Arc<Work>);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

impl Helpers {
    /// As many as processors stay free beside the reader's.
    pub(super) fn new(threads: Threads) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let number = match threads {
            Threads::Own => (processors - 1).min(MOST),
            Threads::None => 0,
        };
        let (inner, wake, asked, closed) = Default::default();
        Self { number, inner, wake, asked, closed }
    }

    /// How many threads are to call [`run`](Self::run).
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Rows at a checkpoint, in the order of their keys.
    pub(super) fn read(&self, view: &Arc<View>, table: u8, keys: Vec<Bytes>) -> Rows {
        if self.number == 0 || keys.len() < WORTH {
            return view.get_all(table, &keys);
        }
        let work = Arc::new(Work::new(view, table, keys));
        let asked = self.ask(&work);
        work.take_part(|| false);
        drop(asked);
        work.finish()
    }

    fn ask<'a>(&'a self, work: &'a Arc<Work>) -> Option<Asked<'a>> {
        let mut inner = lock(&self.inner);
        if inner.waiting.len() >= WAITING {
            return None;
        }
        inner.waiting.push_back(Arc::clone(work));
        self.asked.fetch_add(1, Ordering::Release);
        if inner.asleep > 0 {
            drop(inner);
            self.wake.notify_all();
        }
        Some(Asked(self, work))
    }

    fn forget(&self, work: &Arc<Work>) {
        lock(&self.inner).waiting.retain(|other| !Arc::ptr_eq(other, work));
    }

    /// A helper's life.
    pub(super) fn run(&self) {
        // How many reads in a row came too late to be waited for, or were not waited for.
        let mut idle = 0_u32;
        let closed = || self.closed.load(Ordering::Acquire);
        loop {
            let mut inner = lock(&self.inner);
            while inner.waiting.is_empty() && !closed() {
                inner.asleep += 1;
                inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
                inner.asleep -= 1;
            }
            if closed() {
                return inner.waiting.clear();
            }
            let Some(work) = inner.waiting.front().cloned() else { continue };
            let asked = self.asked.load(Ordering::Acquire);
            drop(inner);
            // The reader meets what panics here, and says so.
            let _ = catch_unwind(AssertUnwindSafe(|| work.take_part(closed)));
            self.forget(&work);
            drop(work);
            if !lock(&self.inner).waiting.is_empty() {
                continue;
            }
            // Whoever reads one large page after the other is spared the waking; where others come
            // between, they need the processor more.
            idle = match idle < TRIES || idle.is_multiple_of(NOW_AND_THEN) {
                true if self.linger(asked) => 0,
                _ => idle.saturating_add(1),
            };
        }
    }

    /// Stays awake for a while. Answers whether more was asked for.
    fn linger(&self, asked: u64) -> bool {
        let until = Instant::now() + LINGER;
        while self.asked.load(Ordering::Acquire) == asked {
            if Instant::now() >= until {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    /// Sends the helpers home; reads go on without them.
    pub(super) fn close(&self) {
        // Under the lock, lest a helper look before and sleep after.
        let inner = lock(&self.inner);
        self.closed.store(true, Ordering::Release);
        drop(inner);
        self.wake.notify_all();
    }
}
