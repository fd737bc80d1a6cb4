//! Removes what erased runs left in rows that many runs share: ids that stand there twice, counters
//! at zero.
//!
//! Invariant: it reads and writes only while nothing is in flight and the open batch is empty, so
//! what it reads is the newest state. What is to be looked at stands in rows of its own, so that a
//! crash forgets nothing.

use everstep_storage::Range;

use super::posting::{closed_in, started_in};
use crate::Rejection;
use crate::runtime::keys::{self, CLOSED, SHAPE_COUNTS, SHAPES, STARTED, TERM_COUNTS, UNTIDY};
use crate::runtime::shard::Shard;

/// Rows that are looked at each time around the loop.
const ROWS_A_SLICE: usize = 32;

/// Whether there may be something to do.
#[derive(Debug)]
pub(in crate::runtime) struct Tidy {
    pub(in crate::runtime) pending: bool,
}

impl Default for Tidy {
    /// The last process may have left something.
    fn default() -> Self {
        Self { pending: true }
    }
}

impl Shard {
    /// Looks after a few rows, if nothing else goes on.
    pub(in crate::runtime) fn tidy_some(&mut self) {
        if !self.tidy.pending
            || self.in_flight.is_some()
            || !self.turn.batch.is_empty()
            || self.turn.draining
            || self.stopped.is_some()
        {
            return;
        }
        // What an earlier message read is older.
        self.snapshot = None;
        match self.tidy_slice() {
            Ok(more) => self.tidy.pending = more,
            Err(rejection) => {
                tracing::error!(%rejection, "failed to tidy the indexes");
                self.tidy.pending = false;
            }
        }
    }

    fn tidy_slice(&mut self) -> Result<bool, Rejection> {
        let rows = self.snapshot()?.range(Range::all(UNTIDY).limit(ROWS_A_SLICE))?;
        for (row, _) in &rows {
            if let Some((table, key)) = row.split_first() {
                self.tidy_row(*table, key)?;
            }
            self.turn.batch.delete(UNTIDY, row);
        }
        self.turn.steps += rows.len();
        Ok(!rows.is_empty())
    }

    fn tidy_row(&mut self, table: u8, key: &[u8]) -> Result<(), Rejection> {
        if table == STARTED.id() {
            let stored = self.snapshot()?.get(STARTED, key)?.unwrap_or_default();
            let ids = started_in(key, &stored);
            let row: Vec<u8> = ids.iter().flat_map(|id| keys::split_run_id(*id).1).collect();
            match row.is_empty() {
                true => self.turn.batch.delete(STARTED, key),
                false => self.turn.batch.put(STARTED, key, &row),
            }
        } else if table == CLOSED.id() {
            let stored = self.snapshot()?.get(CLOSED, key)?.unwrap_or_default();
            let ids = closed_in(key, &stored).map(|(_, ids)| ids).unwrap_or_default();
            let row: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            match row.is_empty() {
                true => self.turn.batch.delete(CLOSED, key),
                false => self.turn.batch.put(CLOSED, key, &row),
            }
        } else if table == SHAPES.id() {
            if self.drop_zeros(SHAPE_COUNTS, key)? {
                self.turn.batch.delete(SHAPES, key);
                if let Some(shape) = key.last_chunk::<8>() {
                    self.turn.tally.forget_shape(u64::from_be_bytes(*shape));
                }
            }
        } else if table == TERM_COUNTS.id() {
            self.drop_zeros(TERM_COUNTS, key)?;
        }
        Ok(())
    }

    /// Deletes the counters below `prefix` that are at zero; whether all are.
    fn drop_zeros(
        &mut self,
        table: everstep_storage::Table,
        prefix: &[u8],
    ) -> Result<bool, Rejection> {
        let counters = self.snapshot()?.range(Range::prefix(table, prefix))?;
        let mut all = true;
        for (key, stored) in &counters {
            match stored.iter().all(|byte| *byte == 0) && key.len() == prefix.len() + 1 {
                true => self.turn.batch.delete(table, key),
                false => all = false,
            }
        }
        Ok(all)
    }
}
