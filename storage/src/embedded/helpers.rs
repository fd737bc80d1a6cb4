//! Threads that take a share of large reads: rows that lie far apart make the reader wait for
//! memory, one after the other, and a second processor waits for as many in the same time.
//!
//! Invariant: nobody waits for a helper. What it has taken and not finished when all is taken, the
//! reader reads itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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

    /// Takes shares until there is none. Answers whether it took any.
    fn take_part(&self) -> bool {
        let mut took = false;
        loop {
            let share = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = self.shares.get(share) else { return took };
            took = true;
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
}

#[derive(Default)]
struct Inner {
    /// Reads with shares that nobody has taken, as far as is known.
    waiting: VecDeque<Arc<Work>>,
    /// Helpers that must be woken.
    asleep: usize,
    closed: bool,
}

impl Helpers {
    /// As many as processors stay free beside the reader's.
    pub(super) fn new(threads: Threads) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let number = match threads {
            Threads::Own => (processors - 1).min(MOST),
            Threads::None => 0,
        };
        let (inner, wake, asked) = Default::default();
        Self { number, inner, wake, asked }
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
        work.take_part();
        if asked {
            self.forget(&work);
        }
        work.finish()
    }

    fn ask(&self, work: &Arc<Work>) -> bool {
        let mut inner = lock(&self.inner);
        if inner.waiting.len() >= WAITING {
            return false;
        }
        inner.waiting.push_back(Arc::clone(work));
        self.asked.fetch_add(1, Ordering::Release);
        if inner.asleep > 0 {
            drop(inner);
            self.wake.notify_all();
        }
        true
    }

    fn forget(&self, work: &Arc<Work>) {
        lock(&self.inner).waiting.retain(|other| !Arc::ptr_eq(other, work));
    }

    /// A helper's life.
    pub(super) fn run(&self) {
        // How many reads in a row came too late to be waited for, or were not waited for.
        let mut idle = 0_u32;
        loop {
            let mut inner = lock(&self.inner);
            while inner.waiting.is_empty() && !inner.closed {
                inner.asleep += 1;
                inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
                inner.asleep -= 1;
            }
            if inner.closed {
                return inner.waiting.clear();
            }
            let Some(work) = inner.waiting.front().cloned() else { continue };
            let asked = self.asked.load(Ordering::Acquire);
            drop(inner);
            if !work.take_part() {
                self.forget(&work);
            }
            drop(work);
            // Whoever reads one large page after the other is spared the waking; where others come
            // between, they need the processor more.
            if idle < TRIES || idle.is_multiple_of(NOW_AND_THEN) {
                idle = if self.linger(asked) { 0 } else { idle.saturating_add(1) };
            } else {
                idle = idle.saturating_add(1);
            }
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
        lock(&self.inner).closed = true;
        self.wake.notify_all();
    }
}
