//! redb's view of one file, with its length and its syncs counted on the way.
//!
//! A checkpoint writes some ten megabytes and syncs them once. Written in one go, they keep the disk
//! busy for 10 to 15 ms, and a commit's sync waits behind them. So they are synced by the piece.
//!
//! Invariant: it hides nothing; what the file answers is what redb gets. It adds syncs only, and
//! what is not synced may reach the disk at any time anyway.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{BackendError, StorageBackend};

/// How much is written before it is synced, in bytes: a fraction of a millisecond's writing.
const PIECE: u64 = 512 << 10;

/// What is counted about one file.
#[derive(Debug, Default)]
pub(super) struct FileGauge {
    pub(super) length: AtomicU64,
    pub(super) syncs: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Gauged {
    file: Box<dyn StorageBackend>,
    gauge: Arc<FileGauge>,
    /// Bytes written since the last sync.
    unsynced: AtomicU64,
}

impl Gauged {
    pub(super) fn new(file: Box<dyn StorageBackend>, gauge: Arc<FileGauge>) -> Self {
        Self { file, gauge, unsynced: AtomicU64::new(0) }
    }
}

impl StorageBackend for Gauged {
    fn len(&self) -> io::Result<u64> {
        let length = self.file.len()?;
        self.gauge.length.store(length, Ordering::Relaxed);
        Ok(length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.gauge.length.store(length, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gauge.syncs.fetch_add(1, Ordering::Relaxed);
        self.unsynced.store(0, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        let written = data.len() as u64;
        match self.unsynced.fetch_add(written, Ordering::Relaxed) + written {
            PIECE.. => self.sync_data(),
            _ => Ok(()),
        }
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
