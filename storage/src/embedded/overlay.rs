//! The rows that changed since the last checkpoint.
//!
//! Invariant: for every row, every version above the lowest `applied` that a live snapshot reads
//! over is here, until a checkpoint holds it and no such snapshot is left. The lock is held for a
//! chunk of rows at a time and never while a disk is waited for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::fold::{Effect, Operation};
use super::key::Key;
use super::slot::{Coalescing, Slot, Version};
use crate::record::{self, Malformed, Records};

/// Rows handled under one hold of the lock: some 50 µs.
const CHUNK: usize = 256;

type Rows = BTreeMap<Key, Slot>;

pub(super) struct Overlay {
    inner: RwLock<Inner>,
}

struct Inner {
    /// By table id.
    tables: Vec<Rows>,
    rows: usize,
    applying: u64,
}

/// A row of one table together with what changed about it.
pub(super) type Changed = (Key, Effect);

impl Overlay {
    /// An empty overlay over a state file at `applied`.
    pub(super) fn new(applied: u64) -> Self {
        let tables = (0..=u8::MAX).map(|_| Rows::new()).collect();
        Self { inner: RwLock::new(Inner { tables, rows: 0, applying: applied }) }
    }

    // Nothing that runs under the lock leaves it half done when it panics.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rows(&self) -> usize {
        self.read().rows
    }

    /// Adds a batch's encoded writes under its sequence number. Values are slices of `writes`,
    /// keys are copies, lest a row that is always hot keep its first batch in memory for ever.
    pub(super) fn insert(
        &self,
        sequence: u64,
        writes: &Bytes,
        horizon: u64,
    ) -> Result<(), Malformed> {
        let mut records = Records::new(writes);
        loop {
            let mut inner = self.write();
            let allowed = Coalescing { horizon, applying: inner.applying };
            for _ in 0..CHUNK {
                let Some(record) = records.next() else { return Ok(()) };
                let record = record?;
                let value = record.value;
                let operation = match record.kind {
                    record::PUT => Operation::Put(writes.slice(value)),
                    record::APPEND => Operation::Append(writes.slice(value)),
                    record::ADD => Operation::Add(record::counter(&writes[value])),
                    record::DELETE => Operation::Delete,
                    _ => return Err(Malformed),
                };
                let key = Key::new(&writes[record.key]);
                inner.push(record.table, key, Version { sequence, operation }, allowed);
            }
        }
    }

    /// What a reader at `sequence` over a state file at `base` finds about a row.
    pub(super) fn effect(&self, table: u8, key: &[u8], base: u64, sequence: u64) -> Effect {
        let key = Key::new(key);
        let inner = self.read();
        inner.tables[usize::from(table)]
            .get(&key)
            .map_or(Effect::Untouched, |slot| slot.effect(base, sequence))
    }

    /// What the newest state, synced or not, says about a row, and since when.
    pub(super) fn newest(&self, table: u8, key: &[u8], base: u64) -> (Effect, u64) {
        let key = Key::new(key);
        let inner = self.read();
        inner.tables[usize::from(table)]
            .get(&key)
            .map_or((Effect::Untouched, 0), |slot| (slot.effect(base, u64::MAX), slot.newest()))
    }

    /// The next rows between two keys, in one direction, that a reader at `sequence` over a state
    /// file at `base` finds changed: a page of them, and whether there may be more. `wanted` is
    /// how many rows the reader still needs.
    pub(super) fn page(
        &self,
        table: u8,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        (reverse, wanted): (bool, usize),
        (base, sequence): (u64, u64),
    ) -> Page {
        // Who wants one row shall not pay for a full page; who meets many deleted ones goes on.
        let size = wanted.clamp(8, CHUNK);
        let bounds = (bounds.0.map(Key::new), bounds.1.map(Key::new));
        let inner = self.read();
        let rows = inner.tables[usize::from(table)].range(bounds);
        let mut page = Page::default();
        if reverse {
            page.fill(rows.rev(), size, |slot| slot.effect(base, sequence));
        } else {
            page.fill(rows, size, |slot| slot.effect(base, sequence));
        }
        page
    }

    /// Fixes what the next checkpoint takes: `published` is read while no version is being joined,
    /// so that none is joined across the checkpoint.
    pub(super) fn begin_checkpoint<T>(&self, published: impl FnOnce() -> (u64, T)) -> (u64, T) {
        let mut inner = self.write();
        let (target, more) = published();
        inner.applying = target;
        (target, more)
    }

    /// The next rows of a table that have versions up to `target`, with what they amount to above
    /// `base`.
    pub(super) fn unapplied(&self, table: u8, after: Option<&Key>, base: u64, target: u64) -> Page {
        let inner = self.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = Page::default();
        let rows = inner.tables[usize::from(table)].range((start, Bound::Unbounded));
        for (visited, (key, slot)) in (1..).zip(rows) {
            if slot.oldest() <= target {
                page.rows.push((key.clone(), slot.effect(base, target)));
            }
            if visited == CHUNK {
                page.resume = Some(key.clone());
                break;
            }
        }
        page
    }

    /// Forgets the versions up to `floor` of these rows.
    pub(super) fn prune(&self, table: u8, keys: &[Key], floor: u64) {
        for chunk in keys.chunks(CHUNK / 2) {
            let mut inner = self.write();
            let mut gone = 0;
            let rows = &mut inner.tables[usize::from(table)];
            // Freed after the lock.
            let mut removed = Vec::with_capacity(chunk.len());
            for key in chunk {
                let Some((key, slot)) = rows.remove_entry(key) else { continue };
                if slot.oldest() > floor {
                    rows.insert(key, slot);
                } else if slot.newest() <= floor {
                    gone += 1;
                    removed.push((key, slot));
                } else if let Some(rest) = slot.pruned(floor) {
                    rows.insert(key, rest);
                }
            }
            inner.rows -= gone;
            drop(inner);
            drop(removed);
        }
    }
}

impl Inner {
    fn push(&mut self, table: u8, key: Key, version: Version, allowed: Coalescing) {
        match self.tables[usize::from(table)].entry(key) {
            Entry::Occupied(mut row) => row.get_mut().push(version, allowed),
            Entry::Vacant(row) => {
                row.insert(Slot::One(version));
                self.rows += 1;
            }
        }
    }
}

/// Rows taken from the overlay under one hold of its lock.
#[derive(Default)]
pub(super) struct Page {
    pub(super) rows: Vec<Changed>,
    /// Go on behind this key; `None` if the range is finished.
    pub(super) resume: Option<Key>,
}

impl Page {
    fn fill<'a>(
        &mut self,
        rows: impl Iterator<Item = (&'a Key, &'a Slot)>,
        size: usize,
        effect: impl Fn(&Slot) -> Effect,
    ) {
        for (visited, (key, slot)) in (1..).zip(rows) {
            match effect(slot) {
                Effect::Untouched => {}
                effect => self.rows.push((key.clone(), effect)),
            }
            if visited == size {
                self.resume = Some(key.clone());
                return;
            }
        }
    }
}
