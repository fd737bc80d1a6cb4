//! What is stored of projections.
//!
//! Invariant: a projection's rows and its checkpoint are written by one transaction. Rows stand on
//! a shelf, one a generation: the checkpoint says which one is read, a rebuild fills another one
//! beside it, and changing over is writing the checkpoint.

use everstep_engine::{Keys, Payload, Rejection, RowSnapshot, Table};
use serde::{Deserialize, Serialize};

/// Rows by projection, generation and key.
pub(crate) const ROWS: Table<StoredRow> = Table::new("everstep", "projection_rows");
/// How far each projection has come.
pub(crate) const CHECKPOINTS: Table<Checkpoint> = Table::new("everstep", "projection_checkpoints");
/// Projections that were told to wait, with the reason.
pub(crate) const PAUSES: Table<String> = Table::new("everstep", "projection_pauses");

/// The generation of a projection that was never rebuilt.
const FIRST_GENERATION: u32 = 1;

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredRow {
    /// The last event that changed it.
    pub(crate) position: u64,
    pub(crate) state: Payload,
}

/// How far a projection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Every event up to here is in the rows.
    pub(crate) position: u64,
    /// Events that touched a row.
    pub(crate) events: u64,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// Which rows these are.
    #[serde(default = "first_generation")]
    pub(crate) generation: u32,
}

const fn first_generation() -> u32 {
    FIRST_GENERATION
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { position: 0, events: 0, at_ms: 0, generation: FIRST_GENERATION }
    }
}

impl Checkpoint {
    /// Where the rows are.
    pub(crate) const fn shelf(self, projection: &str) -> Shelf<'_> {
        Shelf { projection, generation: self.generation }
    }
}

/// The place of one generation of a projection's rows, and of all that is kept beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shelf<'p> {
    pub(crate) projection: &'p str,
    pub(crate) generation: u32,
}

impl Shelf<'_> {
    /// A key on the shelf.
    pub(crate) fn key(self, key: &str) -> String {
        format!("{}/{}/{key}", self.projection, self.generation)
    }

    /// The row of a snapshot.
    pub(crate) fn row(self, rows: &RowSnapshot, key: &str) -> Result<Option<StoredRow>, Rejection> {
        rows.get(ROWS, &self.key(key))
    }

    /// At most `limit` rows whose key begins with `prefix`, after `after`, with their keys.
    pub(crate) fn page(
        self,
        rows: &RowSnapshot,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, StoredRow)>, Rejection> {
        let own = self.key("");
        let mut keys = Keys::prefix(format!("{own}{prefix}")).limit(limit);
        if let Some(after) = after {
            keys = keys.after(format!("{own}{after}"));
        }
        let found = rows.range(ROWS, &keys)?;
        Ok(found.into_iter().map(|(key, row)| (key[own.len()..].to_owned(), row)).collect())
    }
}

/// How far the projection has come in a snapshot.
pub(crate) fn checkpoint(rows: &RowSnapshot, projection: &str) -> Result<Checkpoint, Rejection> {
    Ok(rows.get(CHECKPOINTS, projection)?.unwrap_or_default())
}
