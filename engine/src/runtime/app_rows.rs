//! The application's rows: what is durable, and in front of it what the open batch and the one in
//! flight have written.
//!
//! Invariant: the loop is the only writer of these rows, and a transaction is made on all that
//! were made before it, so a batch of the engine never carries an assertion about them that could
//! fail: a transaction that refuses refuses itself alone, not its neighbours in the batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use everstep_storage::{Batch, Range, Snapshot};

use super::keys::APP_ROWS;
use crate::Rejection;
use crate::sdk::{RowChange, Rows, counter};

/// Rows that are not durable yet, with the turn that wrote them; none for deleted.
#[derive(Default)]
pub(super) struct AppRows {
    pending: BTreeMap<Vec<u8>, (u64, Option<Bytes>)>,
}

/// The state after everything that was written so far.
pub(super) struct Latest<'a> {
    pub(super) rows: &'a AppRows,
    pub(super) snapshot: &'a dyn Snapshot,
}

impl AppRows {
    /// Puts a transaction's writes into the batch of turn `turn`.
    pub(super) fn write(
        &mut self,
        snapshot: &dyn Snapshot,
        changes: BTreeMap<Vec<u8>, RowChange>,
        batch: &mut Batch,
        turn: u64,
    ) -> Result<(), Rejection> {
        let mut after = Vec::with_capacity(changes.len());
        for (key, change) in &changes {
            after.push(match change {
                RowChange::Put(value) => Some(value.clone()),
                RowChange::Delete => None,
                RowChange::Add(delta) => {
                    let before = Latest { rows: self, snapshot }.get(key)?;
                    let grown = before.map_or(0, |stored| counter(&stored)).wrapping_add(*delta);
                    Some(Bytes::copy_from_slice(&grown.to_le_bytes()))
                }
            });
        }
        // Nothing can fail from here on.
        for ((key, change), value) in changes.into_iter().zip(after) {
            match &change {
                RowChange::Put(value) => batch.put(APP_ROWS, &key, value),
                RowChange::Delete => batch.delete(APP_ROWS, &key),
                RowChange::Add(delta) => batch.add(APP_ROWS, &key, *delta),
            }
            self.pending.insert(key, (turn, value));
        }
        Ok(())
    }

    /// Deletes every row that begins so; `durable` are those of them that a snapshot shows.
    pub(super) fn delete_all(
        &mut self,
        prefix: &[u8],
        durable: &[Vec<u8>],
        batch: &mut Batch,
        turn: u64,
    ) {
        let pending = self.pending.range(prefix.to_vec()..);
        let pending = pending.take_while(|(key, _)| key.starts_with(prefix));
        let pending: Vec<Vec<u8>> = pending.map(|(key, _)| key.clone()).collect();
        for key in pending.into_iter().chain(durable.iter().cloned()) {
            batch.delete(APP_ROWS, &key);
            self.pending.insert(key, (turn, None));
        }
    }

    /// Writes up to turn `turn` can be found in the store now.
    pub(super) fn durable(&mut self, turn: u64) {
        if !self.pending.is_empty() {
            self.pending.retain(|_, (written, _)| *written > turn);
        }
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

impl Rows for Latest<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Rejection> {
        match self.rows.pending.get(key) {
            Some((_, value)) => Ok(value.clone()),
            None => Ok(self.snapshot.get(APP_ROWS, key)?),
        }
    }

    fn range(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Rejection> {
        let pending: Vec<_> = self
            .rows
            .pending
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| after.is_none_or(|after| key.as_slice() > after))
            .collect();
        let asked = limit.saturating_add(pending.len());
        let mut range = Range::prefix(APP_ROWS, prefix).limit(asked);
        if let Some(after) = after {
            range = range.after(after);
        }
        let found = self.snapshot.range(range)?;
        // Beyond the last row that was read nothing is known.
        let last = (found.len() == asked).then(|| found.last().map(|(key, _)| key.to_vec()));
        let mut rows: BTreeMap<Vec<u8>, Bytes> =
            found.into_iter().map(|(key, value)| (key.to_vec(), value)).collect();
        for (key, (_, value)) in pending {
            match value {
                Some(value) => drop(rows.insert(key.clone(), value.clone())),
                None => drop(rows.remove(key)),
            }
        }
        let within = |key: &Vec<u8>| last.as_ref().is_none_or(|last| Some(key) <= last.as_ref());
        Ok(rows.into_iter().filter(|(key, _)| within(key)).take(limit).collect())
    }
}
