//! Sub-transactions: a part of a transaction that is undone alone.
//!
//! Invariant: after a part that failed, rows, asks and events are what they were before it. What
//! the transaction did earlier stands, and what it does afterwards counts.

use everstep_storage::log::Mark;

use super::transaction::RowChange;
use super::{ActivityError, TransactionContext};
use crate::Failure;

/// What rows were before a part that may be undone changed them.
#[derive(Debug, Default)]
pub(super) struct Undo {
    /// Parts that are under way within each other.
    parts: usize,
    before: Vec<(Vec<u8>, Option<RowChange>)>,
}

impl Undo {
    /// Whether changes are to be remembered.
    pub(super) const fn is_open(&self) -> bool {
        self.parts > 0
    }

    pub(super) fn remember(&mut self, key: Vec<u8>, before: Option<RowChange>) {
        self.before.push((key, before));
    }
}

/// Where a part began.
struct Savepoint {
    rows: usize,
    asks: usize,
    bytes: usize,
    log: Mark,
    vetoed: Option<Failure>,
}

impl TransactionContext<'_> {
    /// Runs a part of the transaction that stands or falls alone: when `part` returns an error, what
    /// it wrote, appended, started and signalled is undone, and the caller may go on.
    ///
    /// ```
    /// # use everstep_engine::{ActivityError, Table, TransactionContext};
    /// const NOTES: Table<String> = Table::new("diary", "notes");
    ///
    /// fn write(tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
    ///     tx.put(NOTES, "a", &"kept".to_owned())?;
    ///     let part = tx.nested(|tx| {
    ///         tx.put(NOTES, "b", &"undone".to_owned())?;
    ///         Err::<(), _>(ActivityError::new("no", "changed my mind"))
    ///     });
    ///     assert!(part.is_err());
    ///     tx.put(NOTES, "c", &"kept".to_owned())
    /// }
    /// ```
    ///
    /// # Errors
    /// What `part` returned.
    pub fn nested<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, ActivityError>,
    ) -> Result<T, ActivityError> {
        let before = self.savepoint();
        self.undo.parts += 1;
        let done = part(self);
        self.undo.parts -= 1;
        if done.is_err() {
            self.undo_to(before);
        }
        if !self.undo.is_open() {
            self.undo.before.clear();
        }
        done
    }

    fn savepoint(&self) -> Savepoint {
        Savepoint {
            rows: self.undo.before.len(),
            asks: self.asks.len(),
            bytes: self.bytes,
            log: self.log.mark(),
            vetoed: self.vetoed.clone(),
        }
    }

    fn undo_to(&mut self, savepoint: Savepoint) {
        for (key, before) in self.undo.before.drain(savepoint.rows..).rev() {
            match before {
                Some(change) => drop(self.changes.insert(key, change)),
                None => drop(self.changes.remove(&key)),
            }
        }
        self.asks.truncate(savepoint.asks);
        self.bytes = savepoint.bytes;
        self.log.undo_to(&savepoint.log);
        self.vetoed = savepoint.vetoed;
    }
}
