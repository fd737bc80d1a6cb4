//! The seam: what every store can do, and all that the engine may ask of one.
//!
//! Invariant: nothing here assumes that a store is in this process or has only one node.

use bytes::Bytes;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::range::Range;
use crate::stats::StoreStats;
use crate::table::Table;

/// Receives a batch's outcome.
pub type Completion = Box<dyn FnOnce(Result<Commit, StoreError>) + Send>;

/// A batch that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit {
    /// The batch's place in the order of all batches that wrote something. A batch of assertions
    /// only has the number of the state in which they held.
    pub sequence: u64,
}

/// One ordered key space per table, changed by atomic batches.
///
/// Sequence numbers begin at 0, the empty store, and grow by one with each batch that writes. In
/// PostgreSQL: a column filled from a row that every commit of a shard locks; a snapshot is a
/// `REPEATABLE READ READ ONLY` transaction, and the fence is compared inside the transaction that
/// writes.
pub trait Store: Send + Sync + 'static {
    /// All reads through it see the state at one sequence number: the newest durable one, so that
    /// whoever was told of a commit sees it.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] if the store was closed or has failed; I/O errors.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Commits a batch; it is durable when this returns. If no commit is in flight, it runs on the
    /// calling thread.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if an assertion did not hold, [`StoreError::Full`] and
    /// [`StoreError::Stopped`] if nothing was tried, [`StoreError::OutcomeUnknown`] if it was.
    fn commit(&self, batch: Batch) -> Result<Commit, StoreError>;

    /// Hands a batch over and returns; blocks only while the queue is full. `done` is called once,
    /// by another thread or by this one, when the batch is durable or refused. All batches that
    /// wait while a sync runs share the next one, in the order in which they were submitted.
    ///
    /// A refusal never causes a sync. If it rests on something that is not durable yet, it is told
    /// with the sync that makes it so.
    ///
    /// `done` must be quick and must not wait for another commit of the same store: the commits
    /// behind it wait for it. It may submit.
    fn submit(&self, batch: Batch, done: Completion);

    /// The newest durable sequence number.
    fn sequence(&self) -> u64;

    /// Counters and sizes.
    fn stats(&self) -> StoreStats;

    /// Takes nothing more, finishes what was handed over, and gives back threads and files.
    /// Snapshots that are still alive may answer [`StoreError::Stopped`] from then on. Calling it
    /// again does nothing.
    fn close(&self);
}

/// A state of the store that does not change. Never held beyond one request or one page: a store
/// keeps what a snapshot sees, and grows for it. Reads may block.
pub trait Snapshot: Send {
    /// The state's sequence number.
    fn sequence(&self) -> u64;

    /// The row's value, if it exists.
    ///
    /// # Errors
    /// I/O errors, or a file that turns out to be corrupt.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The values of many rows, in the order of their keys. A store that is far away answers it in
    /// one round trip, one that is near reads rows that lie apart beside each other.
    ///
    /// # Errors
    /// I/O errors, or a file that turns out to be corrupt.
    fn get_all(&self, table: Table, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        keys.iter().map(|key| self.get(table, key)).collect()
    }

    /// The rows of a range, in its direction, as many as its limit allows.
    ///
    /// # Errors
    /// I/O errors, or a file that turns out to be corrupt.
    fn range(&self, range: Range<'_>) -> Result<Vec<(Bytes, Bytes)>, StoreError>;
}
