//! Everything of one store into another: how a store gets another codec, or loses an old key.
//!
//! Invariant: the source is only read. A copy that was cut is no store yet: it has no lease, which
//! is copied last, and whoever copies again begins with an empty directory.

use crate::batch::Batch;
use crate::error::StoreError;
use crate::range::Range;
use crate::store::Store;
use crate::table::{LEASES, Table};

/// Rows that are read at once.
const PAGE: usize = 512;
/// Bytes after which what was read is written.
const BATCH_BYTES: usize = 1 << 20;

/// Copies every row of every table; answers how many there were. Each value is read as `from`
/// decodes it and written as `to` encodes it. Nobody may write to either meanwhile.
///
/// # Errors
/// Whatever reading or writing fails with; [`StoreError::Io`] if `to` was used before.
pub fn copy_store(from: &dyn Store, to: &dyn Store) -> Result<u64, StoreError> {
    let snapshot = from.snapshot()?;
    let mut copied = 0;
    if to.sequence() != 0 {
        let used = std::io::Error::other("the store to copy into was used before");
        return Err(StoreError::io("copy a store")(used));
    }
    for id in 0..=LEASES.id() {
        let table = Table::new(id, "copied");
        let mut after: Option<bytes::Bytes> = None;
        let mut batch = Batch::new();
        loop {
            let mut range = Range::all(table).limit(PAGE);
            if let Some(after) = &after {
                range = range.after(after);
            }
            let rows = snapshot.range(range)?;
            let done = rows.len() < PAGE;
            for (key, value) in rows {
                batch.put(table, &key, &value);
                copied += 1;
                after = Some(key);
                if batch.bytes() >= BATCH_BYTES {
                    to.commit(std::mem::take(&mut batch))?;
                }
            }
            if done {
                break;
            }
        }
        if !batch.is_empty() {
            to.commit(batch)?;
        }
    }
    Ok(copied)
}
