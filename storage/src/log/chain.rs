//! The chain of hashes that shows that nothing was changed, left out or put in between.

use sha2::{Digest, Sha256};

use super::event::{Hash, RecordedEvent};

/// What stands before the first event.
pub const EMPTY_CHAIN: Hash = [0; 32];

/// Where a log is not what was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainBreak {
    /// An event is missing or stands twice.
    #[error("position {expected} is missing: position {found} follows")]
    Gap {
        /// The position that should follow.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// The record's bytes are no record.
    #[error("the event at position {0} is not what was appended: it cannot be read")]
    Unreadable(u64),
    /// The record, or one before it, is not what was appended.
    #[error("the event at position {0} is not what was appended: its hash is another one")]
    Hash(u64),
}

/// The hash of a record at a position, after the hash of the one before.
pub(super) fn link(before: &Hash, position: u64, record: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(before)
        .chain_update(position.to_be_bytes())
        .chain_update(record)
        .finalize()
        .into()
}

/// Whether `event` follows an event at `position` with hash `before`; [`EMPTY_CHAIN`] at 0.
///
/// # Errors
/// If it does not.
pub fn check_link(position: u64, before: &Hash, event: &RecordedEvent) -> Result<(), ChainBreak> {
    if event.position() != position + 1 {
        return Err(ChainBreak::Gap { expected: position + 1, found: event.position() });
    }
    match link(before, event.position(), event.record()) == *event.hash() {
        true => Ok(()),
        false => Err(ChainBreak::Hash(event.position())),
    }
}
