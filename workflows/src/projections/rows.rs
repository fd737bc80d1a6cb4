//! What is stored of projections.
//!
//! Invariant: a projection's rows and its checkpoint are written by one transaction. Rows stand
//! under a generation, so that a rebuild can fill another one beside those that are read.

use everstep_engine::{Keys, Payload, Rejection, RowSnapshot, Table};
use serde::{Deserialize, Serialize};

/// Rows by projection, generation and key.
pub(super) const ROWS: Table<StoredRow> = Table::new("everstep", "projection_rows");
/// How far each projection has come.
pub(super) const CHECKPOINTS: Table<Checkpoint> = Table::new("everstep", "projection_checkpoints");
/// Projections that were told to wait, with the reason.
pub(super) const PAUSES: Table<String> = Table::new("everstep", "projection_pauses");

/// The generation that is read. A rebuild will fill the next one.
const GENERATION: u32 = 1;

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredRow {
    /// The last event that changed it.
    pub(super) position: u64,
    pub(super) state: Payload,
}

/// How far a projection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Every event up to here is in the rows.
    pub(super) position: u64,
    /// Events that touched a row.
    pub(super) events: u64,
    /// When it was written, in milliseconds since 1970.
    pub(super) at_ms: i64,
}

/// The row's key in the table.
pub(super) fn row_key(projection: &str, key: &str) -> String {
    format!("{projection}/{GENERATION}/{key}")
}

/// The row of a snapshot.
pub(super) fn row(
    rows: &RowSnapshot,
    projection: &str,
    key: &str,
) -> Result<Option<StoredRow>, Rejection> {
    rows.get(ROWS, &row_key(projection, key))
}

/// How far the projection has come in a snapshot.
pub(super) fn checkpoint(rows: &RowSnapshot, projection: &str) -> Result<Checkpoint, Rejection> {
    Ok(rows.get(CHECKPOINTS, projection)?.unwrap_or_default())
}

/// At most `limit` rows whose key begins with `prefix`, after `after`, with their keys.
pub(super) fn page(
    rows: &RowSnapshot,
    projection: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, StoredRow)>, Rejection> {
    let own = row_key(projection, "");
    let mut keys = Keys::prefix(format!("{own}{prefix}")).limit(limit);
    if let Some(after) = after {
        keys = keys.after(format!("{own}{after}"));
    }
    let found = rows.range(ROWS, &keys)?;
    Ok(found.into_iter().map(|(key, row)| (key[own.len()..].to_owned(), row)).collect())
}
