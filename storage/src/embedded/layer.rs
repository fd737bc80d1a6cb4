//! The rows that changed between two checkpoints, in the order of their keys.
//!
//! Invariant: a layer is written to while it is the overlay's newest, and never afterwards.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use super::key::Key;
use super::slot::{Slot, Version};

type Rows = BTreeMap<Key, Slot>;

pub(super) struct Layer {
    /// By table id.
    tables: Vec<Rows>,
    rows: usize,
}

impl Default for Layer {
    fn default() -> Self {
        Self { tables: (0..=u8::MAX).map(|_| Rows::new()).collect(), rows: 0 }
    }
}

impl Layer {
    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row's newest version. No snapshot, live or later, reads below `horizon`.
    pub(super) fn push(&mut self, table: u8, key: Key, version: Version, horizon: u64) {
        match self.tables[usize::from(table)].entry(key) {
            Entry::Occupied(mut row) => row.get_mut().push(version, horizon),
            Entry::Vacant(row) => {
                row.insert(Slot::One(version));
                self.rows += 1;
            }
        }
    }

    pub(super) fn get(&self, table: u8, key: &Key) -> Option<&Slot> {
        self.tables[usize::from(table)].get(key)
    }

    /// Rows of a table between two keys.
    pub(super) fn range(
        &self,
        table: u8,
        bounds: (Bound<Key>, Bound<Key>),
    ) -> impl DoubleEndedIterator<Item = (&Key, &Slot)> {
        self.tables[usize::from(table)].range(bounds)
    }

    /// The tables that have rows, with them.
    pub(super) fn tables(
        &self,
    ) -> impl Iterator<Item = (u8, impl Iterator<Item = (&Key, &Slot)> + '_)> {
        (0..=u8::MAX)
            .zip(&self.tables)
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(table, rows)| (table, rows.iter()))
    }
}
