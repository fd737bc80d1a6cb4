//! The rows of large namespaces that are gone: deleted a slice at a time, whatever happens to the
//! process meanwhile.
//!
//! Invariants: a namespace is gone with the batch that answers its deletion, and its name is free
//! when the last of its rows is; until then the store says that it is being deleted.

use std::collections::BTreeSet;

use everstep_storage::{Range, Table, log};

use super::keys::{self, APP_ROWS, META, QUEUES, RUNS, START_KEYS};
use super::record::RunRecord;
use super::shard::Shard;
use crate::Rejection;

/// Rows that are deleted each time around the loop.
const ROWS_A_SLICE: usize = 1_000;
/// In `META`, before the name.
const DELETING: &[u8] = b"deleting/";

/// Runs that are erased each time around the loop.
const RUNS_A_SLICE: usize = 64;

/// The tables whose rows go with a namespace, but for those of runs and schedules.
pub(super) const TABLES: [Table; 6] = {
    let [events, postings, append_keys] = log::TABLES;
    [APP_ROWS, QUEUES, START_KEYS, events, postings, append_keys]
};

/// What is still to be deleted.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    /// None until the store was asked.
    names: Option<BTreeSet<String>>,
    /// Of the first name: which table (first the one of runs, then those of [`TABLES`]), behind
    /// which row, and whether this pass has found any.
    place: (usize, Vec<u8>, bool),
}

impl Shard {
    /// Refuses a name whose rows are still being deleted.
    pub(super) fn check_not_deleting(&mut self, name: &str) -> Result<(), Rejection> {
        match self.deleting()?.contains(name) {
            false => Ok(()),
            true => Err(Rejection::Unavailable(format!(
                "namespace `{name}` was deleted and its rows still are being: try again"
            ))),
        }
    }

    /// The rest of the namespace's rows go from now on, over restarts.
    pub(super) fn go_on_deleting(&mut self, name: &str) -> Result<(), Rejection> {
        self.deleting()?.insert(name.to_owned());
        self.turn.batch.put(META, &mark(name), b"");
        Ok(())
    }

    fn deleting(&mut self) -> Result<&mut BTreeSet<String>, Rejection> {
        if self.deletions.names.is_none() {
            let rows = self.snapshot()?.range(Range::prefix(META, DELETING))?;
            let name = |key: &[u8]| String::from_utf8_lossy(&key[DELETING.len()..]).into_owned();
            self.deletions.names = Some(rows.iter().map(|(key, _)| name(key)).collect());
        }
        Ok(self.deletions.names.get_or_insert_default())
    }

    /// Whether rows are being deleted, so that the loop must not sleep.
    pub(super) fn is_deleting(&self) -> bool {
        !self.turn.draining && self.deletions.names.as_ref().is_some_and(|names| !names.is_empty())
    }

    /// Deletes a slice of what is left of a namespace.
    pub(super) fn delete_some(&mut self) {
        let idle = self.turn.draining || !self.recovery.is_done() || self.stopped.is_some();
        if idle || self.deletions.names.as_ref().is_some_and(BTreeSet::is_empty) {
            return;
        }
        if let Err(rejection) = self.delete_slice() {
            self.stop(format!("failed to delete a namespace: {rejection}"));
        }
    }

    fn delete_slice(&mut self) -> Result<(), Rejection> {
        let Some(name) = self.deleting()?.first().cloned() else { return Ok(()) };
        let begins = self.deletions.place.0 == 0 && self.deletions.place.1.is_empty();
        if begins && self.residents.of_namespace(&name).next().is_some() {
            // Runs that ended with it: their ends are not durable, and no snapshot shows all of it.
            return Ok(());
        }
        let prefix = keys::namespace(&name);
        let (table, after, found) = std::mem::take(&mut self.deletions.place);
        if table > TABLES.len() {
            // A pass that has found nothing is the last one: what it read is durable.
            if !found {
                self.turn.batch.delete(META, &mark(&name));
                self.deleting()?.remove(&name);
            }
            return Ok(());
        }
        let (rows_of, limit) = match table.checked_sub(1) {
            None => (RUNS, RUNS_A_SLICE),
            Some(at) => (TABLES[at], ROWS_A_SLICE),
        };
        let mut range = Range::prefix(rows_of, &prefix).limit(limit);
        if !after.is_empty() {
            range = range.after(&after);
        }
        let rows = self.snapshot()?.range(range)?;
        self.deletions.place = match rows.last() {
            Some((last, _)) => (table, last.to_vec(), true),
            None => (table + 1, Vec::new(), found),
        };
        for (key, stored) in &rows {
            match table {
                0 => self.erase(&RunRecord::read(stored)?)?,
                _ => self.turn.batch.delete(rows_of, key),
            }
        }
        self.turn.steps += usize::from(!rows.is_empty());
        Ok(())
    }
}

fn mark(name: &str) -> Vec<u8> {
    [DELETING, name.as_bytes()].concat()
}
