//! Threads that take a share of large reads: rows that lie far apart make the reader wait for
//! memory, one after the other, and a second processor waits for as many in the same time.
//!
//! Invariant: nobody waits for a helper. What it has taken and not finished when all is taken, the
//! reader reads itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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
/// More helpers than this have little left to take.
const MOST: usize = 3;

type Rows = Result<Vec<Option<Bytes>>, StoreError>;

/// Rows that somebody reads.
struct Work {
    view: Arc<View>,
    table: u8,
    keys: Vec<Vec<u8>>,
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
    fn new(view: &Arc<View>, table: u8, keys: Vec<Vec<u8>>) -> Self {
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
    waiting: Mutex<VecDeque<Arc<Work>>>,
    wake: Condvar,
    closed: AtomicBool,
}

impl Helpers {
    /// As many as processors stay free beside the reader's.
    pub(super) fn new(threads: Threads) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let number = match threads {
            Threads::Own => (processors - 1).min(MOST),
            Threads::None => 0,
        };
        let (waiting, wake, closed) = Default::default();
        Self { number, waiting, wake, closed }
    }

    /// How many threads are to call [`run`](Self::run).
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Rows at a checkpoint, in the order of their keys.
    pub(super) fn read(&self, view: &Arc<View>, table: u8, keys: Vec<Vec<u8>>) -> Rows {
        if self.number == 0 || keys.len() < WORTH {
            return view.get_all(table, &keys);
        }
        let work = Arc::new(Work::new(view, table, keys));
        let mut waiting = lock(&self.waiting);
        let asked = waiting.len() < WAITING;
        if asked {
            waiting.push_back(Arc::clone(&work));
        }
        drop(waiting);
        if asked {
            self.wake.notify_all();
        }
        work.take_part();
        if asked {
            lock(&self.waiting).retain(|other| !Arc::ptr_eq(other, &work));
        }
        work.finish()
    }

    /// A helper's life.
    pub(super) fn run(&self) {
        loop {
            let waiting = lock(&self.waiting);
            let nothing = |waiting: &mut VecDeque<_>| {
                waiting.is_empty() && !self.closed.load(Ordering::Acquire)
            };
            let waiting = self.wake.wait_while(waiting, nothing);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            if self.closed.load(Ordering::Acquire) {
                return waiting.clear();
            }
            let Some(work) = waiting.front().cloned() else { continue };
            drop(waiting);
            if !work.take_part() {
                lock(&self.waiting).retain(|other| !Arc::ptr_eq(other, &work));
            }
        }
    }

    /// Sends the helpers home; reads go on without them.
    pub(super) fn close(&self) {
        // Under the lock, lest a helper look before and sleep after.
        let waiting = lock(&self.waiting);
        self.closed.store(true, Ordering::Release);
        drop(waiting);
        self.wake.notify_all();
    }
}
