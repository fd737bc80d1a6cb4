//! Where values of numbered tables lie in `values.dat`, as far as somebody has asked lately: one
//! that lies far from the others is found without a way down the tree.
//!
//! Their keys end with a number, and who asks for one asks for those close to it, too; so what is
//! known is kept by runs of numbers.
//!
//! Invariant: what is known is true of the newest checkpoint, and only who reads over that one is
//! told.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::values::Extent;

/// Numbers in a run.
const RUN: usize = 256;
/// Runs that are known at once: 8 MiB of places, of a million values.
const RUNS: usize = 4_096;
/// A place takes one word: 46 bits of offset, 64 files of values, and 18 bits of length, 256 KiB.
/// Values beyond either are found by the tree alone.
const LENGTH_BITS: u32 = 18;

/// Places of values whose keys differ in the last bits of their number. No value lies at 0, so 0 is
/// a place that is not known.
struct Run {
    places: Box<[AtomicU64; RUN]>,
    /// Asked for since the hand last passed.
    used: AtomicBool,
}

type Runs = HashMap<u64, Run, foldhash::fast::RandomState>;

#[derive(Default)]
struct Inner {
    /// The newest checkpoint; none while another is taking its place.
    applied: Option<u64>,
    /// By what keys begin with.
    runs: HashMap<Arc<[u8]>, Runs, foldhash::fast::RandomState>,
    /// What is known, in the order in which it is forgotten unless it was used (second chance).
    line: VecDeque<(Arc<[u8]>, u64)>,
}

#[derive(Default)]
pub(super) struct Places {
    inner: RwLock<Inner>,
}

/// What a key begins with, its run, and its place there.
fn parts(key: &[u8]) -> Option<(&[u8], u64, usize)> {
    let (prefix, number) = key.split_last_chunk::<8>()?;
    let number = u64::from_be_bytes(*number);
    Some((prefix, number / RUN as u64, (number % RUN as u64) as usize))
}

impl Places {
    // Nothing that runs under the lock leaves it half done when it panics.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the value of a key lies as of a checkpoint, if that is known.
    pub(super) fn find(&self, key: &[u8], applied: u64) -> Option<Extent> {
        self.read().find(key, applied)
    }

    /// The same about many keys.
    pub(super) fn find_all(&self, keys: &[Bytes], applied: u64) -> Vec<Option<Extent>> {
        let inner = self.read();
        keys.iter().map(|key| inner.find(key, applied)).collect()
    }

    /// Takes note of where the value of a key lies as of a checkpoint.
    pub(super) fn note(&self, key: &[u8], place: Extent, applied: u64) {
        let Extent { offset, length } = place;
        if offset >> (u64::BITS - LENGTH_BITS) != 0 || length >> LENGTH_BITS != 0 {
            return;
        }
        let Some((prefix, number, at)) = parts(key) else { return };
        let place = offset << LENGTH_BITS | length;
        let noted = |inner: &Inner| {
            let run = inner.runs.get(prefix).and_then(|runs| runs.get(&number))?;
            run.places[at].store(place, Ordering::Relaxed);
            Some(())
        };
        let inner = self.read();
        if inner.applied != Some(applied) || noted(&inner).is_some() {
            return;
        }
        drop(inner);
        let mut inner = self.write();
        if inner.applied == Some(applied) {
            inner.make(prefix, number);
            noted(&inner);
        }
    }

    /// A newer checkpoint stands, in which these rows are not what they were.
    pub(super) fn move_on(&self, applied: u64, changed: &[Vec<u8>]) {
        // Meanwhile nobody is told or tells anything, so nobody needs to wait for all of it.
        self.write().applied = None;
        for some in changed.chunks(RUN) {
            let inner = self.read();
            for (prefix, run, at) in some.iter().filter_map(|key| parts(key)) {
                if let Some(run) = inner.runs.get(prefix).and_then(|runs| runs.get(&run)) {
                    run.places[at].store(0, Ordering::Relaxed);
                }
            }
        }
        self.write().applied = Some(applied);
    }
}

impl Inner {
    fn find(&self, key: &[u8], applied: u64) -> Option<Extent> {
        let (prefix, run, at) = parts(key)?;
        let run = self.runs.get(prefix).filter(|_| self.applied == Some(applied))?.get(&run)?;
        let place = run.places[at].load(Ordering::Relaxed);
        // Written only where it changes: many read the same run at once.
        if !run.used.load(Ordering::Relaxed) {
            run.used.store(true, Ordering::Relaxed);
        }
        let length = place & ((1 << LENGTH_BITS) - 1);
        (place != 0).then_some(Extent { offset: place >> LENGTH_BITS, length })
    }

    /// Makes room for a run, and the run.
    fn make(&mut self, prefix: &[u8], number: u64) {
        if self.runs.get(prefix).is_some_and(|runs| runs.contains_key(&number)) {
            return;
        }
        while self.line.len() >= RUNS {
            self.forget_one();
        }
        let prefix: Arc<[u8]> = prefix.into();
        let places = Box::new([const { AtomicU64::new(0) }; RUN]);
        let run = Run { places, used: AtomicBool::new(false) };
        self.runs.entry(prefix.clone()).or_default().insert(number, run);
        self.line.push_back((prefix, number));
    }

    /// Forgets the first run of the line, or gives it a second chance.
    fn forget_one(&mut self) {
        let Some((prefix, number)) = self.line.pop_front() else { return };
        let Some(runs) = self.runs.get_mut(&prefix) else { return };
        if runs.get(&number).is_some_and(|run| run.used.swap(false, Ordering::Relaxed)) {
            self.line.push_back((prefix, number));
            return;
        }
        runs.remove(&number);
        if runs.is_empty() {
            self.runs.remove(&prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(prefix: &str, number: u64) -> Vec<u8> {
        [prefix.as_bytes(), &number.to_be_bytes()].concat()
    }

    fn place(offset: u64) -> Extent {
        Extent { offset, length: 7 }
    }

    #[test]
    fn who_reads_over_another_checkpoint_is_told_nothing_and_tells_nothing() {
        let places = Places::default();
        places.move_on(5, &[]);
        places.note(&key("a", 1), place(100), 4);
        assert_eq!(places.find(&key("a", 1), 5), None, "noted of an older checkpoint");
        places.note(&key("a", 1), place(16), 5);
        places.note(&key("a", 2), place(23), 5);
        assert_eq!(places.find(&key("a", 1), 5), Some(place(16)));
        assert_eq!(places.find(&key("b", 1), 5), None);
        assert_eq!(places.find(&key("a", 1), 4), None);
        places.move_on(6, &[key("a", 2)]);
        let found = [1, 2].map(|number| places.find(&key("a", number), 6));
        assert_eq!(found, [Some(place(16)), None], "the second row has changed");
        assert_eq!(places.find(&key("a", 1), 5), None);
    }

    #[test]
    fn values_that_are_too_large_or_too_far_out_are_left_to_the_tree() {
        let places = Places::default();
        places.move_on(0, &[]);
        for (offset, length) in [(1 << 46, 1), (16, 1 << 18)] {
            places.note(&key("a", 1), Extent { offset, length }, 0);
            assert_eq!(places.find(&key("a", 1), 0), None);
        }
        let last = Extent { offset: (1 << 46) - 1, length: (1 << 18) - 1 };
        places.note(&key("a", 1), last, 0);
        assert_eq!(places.find(&key("a", 1), 0), Some(last));
        places.note(b"short", place(16), 0);
        assert_eq!(places.find(b"short", 0), None);
    }

    #[test]
    fn what_is_used_outlives_what_is_not_and_there_is_a_bound() {
        let places = Places::default();
        places.move_on(0, &[]);
        for run in 0..3 * RUNS as u64 {
            places.note(&key("a", run * RUN as u64), place(16), 0);
            assert!(places.find(&key("a", 0), 0).is_some(), "asked for all the time");
        }
        let inner = places.read();
        assert_eq!((inner.line.len(), inner.runs["a".as_bytes()].len()), (RUNS, RUNS));
    }
}
