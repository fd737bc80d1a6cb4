//! What a store holds, as a number of rows and one hash: equal for two stores that hold the same.

use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::range::Range;
use crate::store::Snapshot;
use crate::table::{LEASES, Table};

/// Rows that are read at once.
const PAGE: usize = 512;

/// What a snapshot holds, but for who owns it: the rows of every table except [`LEASES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDigest {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over tables, keys and values, in their order.
    pub sha256: [u8; 32],
}

/// Reads everything, and so finds whatever cannot be read.
///
/// # Errors
/// Whatever reading fails with.
pub fn digest(snapshot: &dyn Snapshot) -> Result<ContentDigest, StoreError> {
    let mut hash = Sha256::new();
    let mut rows = 0;
    for id in 0..LEASES.id() {
        let table = Table::new(id, "digested");
        let mut after: Option<bytes::Bytes> = None;
        loop {
            let mut range = Range::all(table).limit(PAGE);
            if let Some(after) = &after {
                range = range.after(after);
            }
            let page = snapshot.range(range)?;
            let done = page.len() < PAGE;
            for (key, value) in page {
                rows += 1;
                hash.update([id]);
                // Lengths first: no two lists of rows give the same bytes.
                hash.update((key.len() as u64).to_be_bytes());
                hash.update(&key);
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(&value);
                after = Some(key);
            }
            if done {
                break;
            }
        }
    }
    Ok(ContentDigest { rows, sha256: hash.finalize().into() })
}
