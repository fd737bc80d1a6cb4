//! The rows that changed since the last checkpoint, in layers: one that grows, and in front of a
//! checkpoint the one that it takes.
//!
//! ```text
//! commits ──► newest layer ── freeze ──► frozen layer ── checkpoint ──► state file
//! ```
//!
//! A checkpoint reads a layer that nobody changes any more, without a lock, and when it is durable
//! the layer is dropped as a whole: a commit never waits for it.
//!
//! Invariant: for every row, every version above the lowest `applied` that a live snapshot reads
//! over is here. Layers stand in the order of their sequence numbers, and each frozen one ends
//! where a checkpoint ends. The lock is held for a chunk of rows at a time and never while a disk
//! is waited for.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::fold::{Effect, Operation};
use super::key::Key;
use super::layer::Layer;
use super::slot::{Slot, Version};
use crate::record::{self, Malformed, Records};

/// Rows handled under one hold of the lock: some 50 µs.
const CHUNK: usize = 256;

#[derive(Default)]
pub(super) struct Overlay {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    newest: Layer,
    /// From the oldest.
    frozen: Vec<Frozen>,
}

#[derive(Clone)]
struct Frozen {
    layer: Arc<Layer>,
    /// The sequence number of its newest version.
    end: u64,
}

/// A row of one table together with what changed about it.
pub(super) type Changed = (Key, Effect);

impl Overlay {
    // Nothing that runs under the lock leaves it half done when it panics.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rows(&self) -> usize {
        let inner = self.read();
        inner.frozen.iter().map(|frozen| frozen.layer.rows()).sum::<usize>() + inner.newest.rows()
    }

    /// Adds a batch's encoded writes under its sequence number. No snapshot, live or later, reads
    /// below `horizon`. Values are slices of `writes`, keys are copies, lest a row that is always
    /// hot keep its first batch in memory for ever.
    pub(super) fn insert(
        &self,
        sequence: u64,
        writes: &Bytes,
        horizon: u64,
    ) -> Result<(), Malformed> {
        let mut records = Records::new(writes);
        loop {
            let mut inner = self.write();
            for _ in 0..CHUNK {
                let Some(record) = records.next() else { return Ok(()) };
                let record = record?;
                let value = record.value;
                let operation = match record.kind {
                    record::PUT => Operation::Put(writes.slice(value)),
                    record::APPEND => Operation::Append(writes.slice(value)),
                    record::ADD => Operation::Add(record::counter(&writes[value])),
                    record::TALLY => Operation::Tally(record::counter(&writes[value])),
                    record::DELETE => Operation::Delete,
                    _ => return Err(Malformed),
                };
                let key = Key::new(&writes[record.key]);
                inner.newest.push(record.table, key, Version { sequence, operation }, horizon);
            }
        }
    }

    /// What a reader at `sequence` over a state file at `base` finds about a row.
    pub(super) fn effect(&self, table: u8, key: &[u8], base: u64, sequence: u64) -> Effect {
        let key = Key::new(key);
        let inner = self.read();
        let slots = inner.above(base).filter_map(|layer| layer.get(table, &key));
        Effect::of_layers(slots.map(|slot| slot.effect(sequence)))
    }

    /// The same about many rows.
    pub(super) fn effects(
        &self,
        table: u8,
        keys: &[Bytes],
        base: u64,
        sequence: u64,
    ) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let inner = self.read();
            effects.extend(chunk.iter().map(|key| {
                let key = Key::new(key);
                let slots = inner.above(base).filter_map(|layer| layer.get(table, &key));
                Effect::of_layers(slots.map(|slot| slot.effect(sequence)))
            }));
        }
        effects
    }

    /// What the newest state, synced or not, says about a row, and since when.
    pub(super) fn newest(&self, table: u8, key: &[u8], base: u64) -> (Effect, u64) {
        let key = Key::new(key);
        let inner = self.read();
        let slots = || inner.above(base).filter_map(|layer| layer.get(table, &key));
        let since = slots().next().map_or(0, Slot::newest);
        (Effect::of_layers(slots().map(|slot| slot.effect(u64::MAX))), since)
    }

    /// The next rows between two keys, in one direction, that a reader at `sequence` over a state
    /// file at `base` finds changed: at most `size` of them, and whether there may be more.
    pub(super) fn page(
        &self,
        table: u8,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        (reverse, size): (bool, usize),
        (base, sequence): (u64, u64),
    ) -> Page {
        let size = size.clamp(1, CHUNK);
        let bounds = (bounds.0.map(Key::new), bounds.1.map(Key::new));
        let inner = self.read();
        let layers = inner.above(base).map(|layer| layer.range(table, bounds.clone()));
        if reverse {
            Page::merged(layers.map(Iterator::rev), Ordering::reverse, size, sequence)
        } else {
            Page::merged(layers, |order| order, size, sequence)
        }
    }

    /// Freezes what was committed up to `end`, which is all there is, and returns it. No commit may
    /// be under way.
    pub(super) fn freeze(&self, end: u64) -> Arc<Layer> {
        let mut inner = self.write();
        let layer = Arc::new(std::mem::take(&mut inner.newest));
        inner.frozen.push(Frozen { layer: layer.clone(), end });
        layer
    }

    /// Forgets layers that end at `floor` or before it.
    pub(super) fn forget(&self, floor: u64) {
        let mut inner = self.write();
        let gone = inner.frozen.partition_point(|frozen| frozen.end <= floor);
        let gone: Vec<Frozen> = inner.frozen.drain(..gone).collect();
        // Freed after the lock.
        drop(inner);
        drop(gone);
    }
}

impl Inner {
    /// The layers with versions above `base`, from the newest.
    fn above(&self, base: u64) -> impl Iterator<Item = &Layer> {
        let frozen = self.frozen.iter().rev().take_while(move |frozen| frozen.end > base);
        std::iter::once(&self.newest).chain(frozen.map(|frozen| &*frozen.layer))
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
    /// Merges the rows of layers, which come from the newest.
    fn merged<'a, R: Iterator<Item = (&'a Key, &'a Slot)>>(
        layers: impl Iterator<Item = R>,
        direction: fn(Ordering) -> Ordering,
        size: usize,
        sequence: u64,
    ) -> Self {
        let mut layers: Vec<_> = layers.map(Iterator::peekable).collect();
        let mut page = Self::default();
        for visited in 1.. {
            let heads = layers.iter_mut().filter_map(|rows| rows.peek().map(|(key, _)| *key));
            let Some(key) = heads.min_by(|one, other| direction(one.cmp(other))) else { break };
            // Every layer moves on, also those behind one that says what the row is.
            let mut effect = Effect::Untouched;
            for rows in &mut layers {
                if let Some((_, slot)) = rows.next_if(|(head, _)| *head == key) {
                    effect = effect.over(slot.effect(sequence));
                }
            }
            match effect {
                Effect::Untouched => {}
                effect => page.rows.push((key.clone(), effect)),
            }
            if visited == size {
                page.resume = Some(key.clone());
                break;
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::table::Table;

    const ROWS: Table = Table::new(7, "rows");

    fn insert(overlay: &Overlay, sequence: u64, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        overlay.insert(sequence, &batch.into_writes().into(), 0).expect("well formed");
    }

    fn value(of: &'static str) -> Effect {
        Effect::Value(Bytes::from_static(of.as_bytes()))
    }

    #[test]
    fn readers_see_their_own_moment_through_every_layer() {
        let overlay = Overlay::default();
        insert(&overlay, 1, |batch| batch.put(ROWS, b"a", b"1"));
        insert(&overlay, 2, |batch| batch.put(ROWS, b"b", b"2"));
        let layer = overlay.freeze(2);
        assert_eq!(layer.rows(), 2);
        insert(&overlay, 3, |batch| batch.append(ROWS, b"a", b"3"));
        insert(&overlay, 4, |batch| batch.delete(ROWS, b"b"));
        let seen = |base, at| [&b"a"[..], b"b"].map(|key| overlay.effect(7, key, base, at));
        assert_eq!(seen(0, 1), [value("1"), Effect::Untouched]);
        assert_eq!(seen(0, 3), [value("13"), value("2")]);
        assert_eq!(seen(0, 4), [value("13"), Effect::Gone]);
        let appended = Effect::OnBase(vec![Operation::Append(Bytes::from_static(b"3"))]);
        assert_eq!(seen(2, 4), [appended.clone(), Effect::Gone], "over the checkpoint at 2");
        assert_eq!(overlay.newest(7, b"a", 0), (value("13"), 3));
        overlay.forget(1);
        assert_eq!(seen(0, 3), [value("13"), value("2")], "somebody still reads over 0");
        overlay.forget(2);
        assert_eq!((overlay.rows(), seen(2, 3)), (2, [appended, Effect::Untouched]));
    }

    #[test]
    fn a_row_of_several_layers_stands_in_a_page_once() {
        let overlay = Overlay::default();
        insert(&overlay, 1, |batch| {
            for key in [b"a", b"b", b"c"] {
                batch.put(ROWS, key, b"1");
            }
        });
        overlay.freeze(1);
        insert(&overlay, 2, |batch| {
            batch.delete(ROWS, b"a");
            batch.put(ROWS, b"b", b"2");
        });
        let everything = (Bound::Unbounded, Bound::Unbounded);
        for reverse in [false, true] {
            let mut page = overlay.page(7, everything, (reverse, 9), (0, 2)).rows;
            if reverse {
                page.reverse();
            }
            let found: Vec<_> = page.into_iter().map(|(key, is)| (key.to_bytes(), is)).collect();
            let row = |key: &'static str, is| (Bytes::from_static(key.as_bytes()), is);
            assert_eq!(found, [row("a", Effect::Gone), row("b", value("2")), row("c", value("1"))]);
        }
    }

    #[test]
    fn pages_merge_the_layers_in_both_directions() {
        let overlay = Overlay::default();
        let row = |number: u32| number.to_be_bytes();
        for third in 0..3 {
            let sequence = u64::from(third) + 1;
            insert(&overlay, sequence, |batch| {
                (0..30).filter(|of| of % 3 == third).for_each(|of| batch.put(ROWS, &row(of), b"x"));
                batch.append(ROWS, &row(30), b"y");
            });
            if third < 2 {
                overlay.freeze(sequence);
            }
        }
        for reverse in [false, true] {
            let (mut found, mut behind) = (Vec::new(), None::<Bytes>);
            loop {
                let bounds = match (&behind, reverse) {
                    (None, _) => (Bound::Unbounded, Bound::Unbounded),
                    (Some(key), false) => (Bound::Excluded(&**key), Bound::Unbounded),
                    (Some(key), true) => (Bound::Unbounded, Bound::Excluded(&**key)),
                };
                let page = overlay.page(7, bounds, (reverse, 1), (0, 9));
                assert!(page.rows.len() <= 1);
                found.extend(page.rows.into_iter().map(|(key, _)| key.to_bytes()));
                behind = page.resume.map(|key| key.to_bytes());
                if behind.is_none() {
                    break;
                }
            }
            let mut wanted: Vec<_> = (0..31).map(|of| Bytes::copy_from_slice(&row(of))).collect();
            if reverse {
                wanted.reverse();
            }
            assert_eq!(found, wanted);
        }
    }
}
