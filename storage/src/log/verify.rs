//! Walking every log of a store from its first event to its last: whether all of it is what was
//! appended.
//!
//! Invariant: every record is hashed anew from its bytes; nothing that is derived from the log
//! (postings, heads) is believed.

use super::chain::{ChainBreak, EMPTY_CHAIN, check_link};
use super::coding::Block;
use super::keys::{self, BLOCK, EVENTS};
use crate::error::StoreError;
use crate::range::Range;
use crate::store::Snapshot;

/// Blocks that are read at once.
const PAGE: usize = 64;

/// A log that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Whose it is.
    pub namespace: String,
    /// How many events it has.
    pub events: u64,
}

/// Why a log is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// An event is not what was appended, or is missing.
    #[error("namespace `{namespace}`: {found}")]
    Broken {
        /// Whose log it is.
        namespace: String,
        /// The first place where it is.
        found: ChainBreak,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Walks the logs of all namespaces, in the order of their names' lengths.
///
/// # Errors
/// The first fault that is found.
pub fn verify_logs(snapshot: &dyn Snapshot) -> Result<Vec<VerifiedLog>, LogFault> {
    let mut verified = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut next = Range::all(EVENTS).limit(1);
        if let Some(after) = &after {
            next = next.after(after);
        }
        let Some((key, _)) = snapshot.range(next)?.pop() else { return Ok(verified) };
        let length = usize::from(key.first().copied().unwrap_or_default()) + 1;
        let prefix = key.get(..length).unwrap_or(&key).to_vec();
        let namespace = String::from_utf8_lossy(prefix.get(1..).unwrap_or_default()).into_owned();
        let events = match verify_log(snapshot, &prefix)? {
            Ok(events) => events,
            Err(found) => return Err(LogFault::Broken { namespace, found }),
        };
        verified.push(VerifiedLog { namespace, events });
        // Behind every block that a number can name.
        after = Some(keys::block(&prefix, u64::MAX));
    }
}

/// How many events a log has, or where it breaks.
fn verify_log(
    snapshot: &dyn Snapshot,
    prefix: &[u8],
) -> Result<Result<u64, ChainBreak>, StoreError> {
    let (mut position, mut hash) = (0, EMPTY_CHAIN);
    let mut after: Option<bytes::Bytes> = None;
    loop {
        let mut range = Range::prefix(EVENTS, prefix).limit(PAGE);
        if let Some(after) = &after {
            range = range.after(after);
        }
        let page = snapshot.range(range)?;
        let is_last = page.len() < PAGE;
        for (key, bytes) in page {
            let first = keys::block_number(&key).unwrap_or_default() * BLOCK + 1;
            if first != position + 1 {
                return Ok(Err(ChainBreak::Gap { expected: position + 1, found: first }));
            }
            for event in Block::new(bytes, first) {
                let Ok(event) = event else {
                    return Ok(Err(ChainBreak::Unreadable(position + 1)));
                };
                if let Err(found) = check_link(position, &hash, &event) {
                    return Ok(Err(found));
                }
                (position, hash) = (event.position(), *event.hash());
            }
            after = Some(key);
        }
        if is_last {
            return Ok(Ok(position));
        }
    }
}
