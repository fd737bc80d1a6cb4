//! Shelves that nobody reads any more.
//!
//! Invariant: the shelf that the checkpoint names, and the one that a rebuild fills, are never
//! touched; every transaction looks at that anew. Of all others nothing stays, however many there are.

use everstep_engine::{ActivityError, Engine, Keys, Table, TransactError, TransactionContext};
use serde::de::DeserializeOwned;

use super::rebuild::REBUILDS;
use super::workflow::Job;
use crate::projections::index::{INDEX, INDEXED};
use crate::projections::quarantine::{BLOCKED, HELD, REFUSALS};
use crate::projections::rows::{CHECKPOINTS, ROWS, Shelf};

/// Rows of one table that are deleted in one transaction.
const ROWS_AT_ONCE: usize = 500;

/// Deletes some rows of old shelves; whether there are more.
pub(super) async fn some(engine: &Engine, job: &Job) -> Result<bool, ActivityError> {
    let projection = job.projection.clone();
    let swept = engine.transact(&job.namespace, move |tx| {
        let read = tx.get(CHECKPOINTS, &projection)?.unwrap_or_default().generation;
        let rebuild = tx.get(REBUILDS, &projection)?;
        let filled = rebuild.as_ref().filter(|rebuild| rebuild.status.is_active());
        let filled = filled.map(|rebuild| rebuild.generation);
        let keep = Kept { projection: &projection, read, filled };
        let tables = [
            (delete(tx, ROWS, keep)?),
            (delete(tx, INDEX, keep)?),
            (delete(tx, BLOCKED, keep)?),
            (delete(tx, HELD, keep)?),
            (delete(tx, REFUSALS, keep)?),
            (delete(tx, INDEXED, keep)?),
        ];
        Ok(tables.contains(&true))
    });
    swept.await.map_err(|error| match error {
        TransactError::Failed(error) => error,
        error => ActivityError::new("unavailable", error),
    })
}

/// The shelves of a projection that stay.
#[derive(Clone, Copy)]
struct Kept<'p> {
    projection: &'p str,
    read: u32,
    filled: Option<u32>,
}

impl<'p> Kept<'p> {
    /// The first shelf with rows in the table that is not among them. It is looked for where the
    /// rows are: a rebuild that deploys have begun anew has left any number.
    fn other<V: DeserializeOwned>(
        self,
        tx: &TransactionContext<'_>,
        table: Table<V>,
    ) -> Result<Option<Shelf<'p>>, ActivityError> {
        let own = format!("{}/", self.projection);
        let mut keys = Keys::prefix(own.as_str()).limit(1);
        while let Some((key, _)) = tx.range(table, &keys)?.pop() {
            let place = key[own.len()..].split('/').next().unwrap_or_default();
            match place.parse() {
                Ok(generation) if generation != self.read && Some(generation) != self.filled => {
                    return Ok(Some(Shelf { projection: self.projection, generation }));
                }
                // `0` follows `/`: behind all of this shelf, before any other.
                _ => keys = Keys::prefix(own.as_str()).after(format!("{own}{place}0")).limit(1),
            }
        }
        Ok(None)
    }
}

/// Deletes rows of one old shelf; whether there was one.
fn delete<V: DeserializeOwned>(
    tx: &mut TransactionContext<'_>,
    table: Table<V>,
    keep: Kept<'_>,
) -> Result<bool, ActivityError> {
    let Some(shelf) = keep.other(tx, table)? else { return Ok(false) };
    for (key, _) in tx.range(table, &Keys::prefix(shelf.key("")).limit(ROWS_AT_ONCE))? {
        tx.delete(table, &key)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
