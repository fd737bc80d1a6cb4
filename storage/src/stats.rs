//! What a store says about itself.
//!
//! Invariant: taking statistics never waits for a disk.

use std::sync::Arc;
use std::time::Duration;

/// Counters and sizes at one moment; counters begin at 0 when the store is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Batches that became durable.
    pub commits: u64,
    /// Syncs that made them so.
    pub syncs: u64,
    /// Writes in those batches.
    pub records: u64,
    /// Bytes of those writes, encoded.
    pub bytes: u64,
    /// Rows held in memory in front of the state file.
    pub overlay_rows: u64,
    /// Bytes of those rows: every write since the last checkpoint, coalesced or not.
    pub overlay_bytes: u64,
    /// The newest durable sequence number.
    pub sequence: u64,
    /// Up to which sequence number the state file is.
    pub applied_sequence: u64,
    /// Checkpoints taken.
    pub checkpoints: u64,
    /// How long the last checkpoint took.
    pub last_checkpoint: Duration,
    /// The journal file's length.
    pub journal_bytes: u64,
    /// The length of the state file and of the values that are kept beside it, with its holes.
    pub state_bytes: u64,
    /// Bytes of the writes that went through the codec, before it.
    pub plain_bytes: u64,
    /// The same after it.
    pub sealed_bytes: u64,
    /// Values that were read and could not be unsealed.
    pub unreadable_values: u64,
    /// Whether the store still works.
    pub health: Health,
}

/// Whether a store still works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It does.
    #[default]
    Ok,
    /// It was closed or it failed, and takes nothing any more.
    Stopped {
        /// Why.
        reason: Arc<str>,
    },
}
