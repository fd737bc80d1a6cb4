//! What an operator may set.
//!
//! Invariant: every queue and every cache has a bound here.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::ValueCodec;

/// Sizes and bounds of an [`EmbeddedStore`](crate::EmbeddedStore).
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// How long each of the journal's two files may get before the other one's turn comes; longer
    /// while checkpoints lag behind.
    pub journal_file_bytes: u64,
    /// How long a file of values gets before the next one's turn comes, half a tebibyte at most; a
    /// file of ext4 ends at 16. Each is open twice as long as the store is.
    pub values_file_bytes: u64,
    /// redb's cache for the state file, half of it for a checkpoint's writes.
    pub state_cache_bytes: usize,
    /// A checkpoint begins when so many writes wait for it …
    pub checkpoint_records: u64,
    /// … or when the oldest waited that long.
    pub checkpoint_interval: Duration,
    /// Commits wait for the applier while more writes than this wait for it. Well above
    /// `checkpoint_records`, or the wait is as long as a checkpoint.
    pub max_lag_records: u64,
    /// Commits wait for the applier while more bytes than this wait for it. Bounds the overlay's
    /// memory and the time that a restart takes.
    pub max_lag_bytes: u64,
    /// New work is refused while the disk has less room than this: what checkpoints need to finish
    /// what was accepted.
    pub min_free_bytes: u64,
    /// So many batches may wait in the queue before `submit` blocks …
    pub queue_batches: usize,
    /// … or so many bytes.
    pub queue_bytes: usize,
    /// How values rest on disk; `None`: as they are, at no cost. A store that was made without
    /// one cannot be opened with one, nor the other way round: copy it with
    /// [`copy_store`](crate::copy_store).
    pub codec: Option<Arc<dyn ValueCodec>>,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            journal_file_bytes: 16 << 20,
            values_file_bytes: 512 << 30,
            state_cache_bytes: 64 << 20,
            checkpoint_records: 50_000,
            checkpoint_interval: Duration::from_secs(1),
            max_lag_records: 400_000,
            max_lag_bytes: 256 << 20,
            min_free_bytes: 512 << 20,
            queue_batches: 4096,
            queue_bytes: 4 << 20,
            codec: None,
        }
    }
}

/// Who does the work of an [`EmbeddedStore`](crate::EmbeddedStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// A committer and an applier of its own.
    Own,
    /// Nobody but the caller: commits run where they are called, checkpoints when they are called
    /// for. What happens on the disk is then a function of the calls alone, for simulation.
    None,
}
