//! Shelves that nobody reads any more.
//!
//! Invariant: the shelf that the checkpoint names, and the one that a rebuild fills, are never
//! touched; every transaction looks at that anew.

use everstep_engine::{ActivityError, Engine, Keys, Table, TransactError, TransactionContext};
use serde::de::DeserializeOwned;

use super::rebuild::REBUILDS;
use super::workflow::Job;
use crate::projections::index::{INDEX, INDEXED};
use crate::projections::quarantine::{BLOCKED, HELD, REFUSALS};
use crate::projections::rows::{CHECKPOINTS, ROWS, Shelf};

/// How many shelves back it is looked for rows: each rebuild looks after the one before it.
const SHELVES: u32 = 8;
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
        let newest = rebuild.map_or(read, |rebuild| rebuild.generation).max(read);
        let oldest = newest.saturating_sub(SHELVES).max(1);
        for generation in (oldest..=newest).filter(|one| *one != read && Some(*one) != filled) {
            let shelf = Shelf { projection: &projection, generation };
            let tables = [
                (delete(tx, ROWS, shelf)?),
                (delete(tx, INDEX, shelf)?),
                (delete(tx, BLOCKED, shelf)?),
                (delete(tx, HELD, shelf)?),
                (delete(tx, REFUSALS, shelf)?),
                (delete(tx, INDEXED, shelf)?),
            ];
            if tables.contains(&true) {
                return Ok(true);
            }
        }
        Ok(false)
    });
    swept.await.map_err(|error| match error {
        TransactError::Failed(error) => error,
        error => ActivityError::new("unavailable", error),
    })
}

fn delete<V: DeserializeOwned>(
    tx: &mut TransactionContext<'_>,
    table: Table<V>,
    shelf: Shelf<'_>,
) -> Result<bool, ActivityError> {
    let found = tx.range(table, &Keys::prefix(shelf.key("")).limit(ROWS_AT_ONCE))?;
    for (key, _) in &found {
        tx.delete(table, key)?;
    }
    Ok(found.len() == ROWS_AT_ONCE)
}
