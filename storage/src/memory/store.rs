//! One map, cloned for a snapshot when it changes under one.
//!
//! Invariant: a batch is applied to a state that nobody else sees, or not at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::batch::{Batch, Write};
use crate::error::StoreError;
use crate::range::Range;
use crate::record::counter;
use crate::stats::{Health, StoreStats};
use crate::store::{Commit, Completion, Snapshot, Store};
use crate::table::Table;

type Rows = BTreeMap<u8, BTreeMap<Vec<u8>, Vec<u8>>>;

/// A store in memory. Nothing is ever synced; what is committed is as durable as the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: Arc<Rows>,
    stats: StoreStats,
}

#[derive(Debug)]
struct MemorySnapshot {
    rows: Arc<Rows>,
    sequence: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ensure_open(&self) -> Result<(), StoreError> {
        match &self.stats.health {
            Health::Ok => Ok(()),
            Health::Stopped { reason } => Err(StoreError::Stopped { reason: reason.clone() }),
        }
    }

    fn commit(&mut self, batch: &Batch) -> Result<Commit, StoreError> {
        self.ensure_open()?;
        for (index, assertion) in batch.assertions().enumerate() {
            let (table, key) = assertion.row();
            let found = self.rows.get(&table).and_then(|rows| rows.get(key)).map(Vec::as_slice);
            assertion.check(index, found).map_err(StoreError::Refused)?;
        }
        if batch.write_records() > 0 {
            let rows = Arc::make_mut(&mut self.rows);
            for write in batch.writes() {
                apply(rows, write);
            }
            self.stats.sequence += 1;
            self.stats.applied_sequence += 1;
            self.stats.records += batch.write_records() as u64;
            self.stats.bytes += batch.bytes() as u64;
        }
        self.stats.commits += 1;
        Ok(Commit { sequence: self.stats.sequence })
    }
}

fn apply(rows: &mut Rows, write: Write<'_>) {
    match write {
        Write::Put { table, key, value } => {
            rows.entry(table).or_default().insert(key.to_vec(), value.to_vec());
        }
        Write::Append { table, key, bytes } => {
            let row = rows.entry(table).or_default().entry(key.to_vec()).or_default();
            row.extend_from_slice(bytes);
        }
        Write::Delete { table, key } => {
            rows.entry(table).or_default().remove(key);
        }
        Write::Add { table, key, delta } => {
            let row = rows.entry(table).or_default().entry(key.to_vec()).or_default();
            *row = counter(row).wrapping_add(delta).to_le_bytes().to_vec();
        }
    }
}

impl Store for MemoryStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let state = self.state();
        state.ensure_open()?;
        Ok(Box::new(MemorySnapshot { rows: state.rows.clone(), sequence: state.stats.sequence }))
    }

    fn commit(&self, batch: Batch) -> Result<Commit, StoreError> {
        self.state().commit(&batch)
    }

    fn submit(&self, batch: Batch, done: Completion) {
        let outcome = self.state().commit(&batch);
        done(outcome);
    }

    fn sequence(&self) -> u64 {
        self.state().stats.sequence
    }

    fn stats(&self) -> StoreStats {
        self.state().stats.clone()
    }

    fn close(&self) {
        let health = &mut self.state().stats.health;
        if *health == Health::Ok {
            *health = Health::Stopped { reason: "closed".into() };
        }
    }
}

impl Snapshot for MemorySnapshot {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let rows = self.rows.get(&table.id());
        Ok(rows.and_then(|rows| rows.get(key)).map(|value| Bytes::copy_from_slice(value)))
    }

    fn range(&self, range: Range<'_>) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (Some(rows), Some(bounds)) = (self.rows.get(&range.table().id()), range.bounds())
        else {
            return Ok(Vec::new());
        };
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))
        };
        let rows = rows.range::<[u8], _>(bounds);
        Ok(if range.is_reversed() {
            rows.rev().take(range.max_rows()).map(copy).collect()
        } else {
            rows.take(range.max_rows()).map(copy).collect()
        })
    }
}
