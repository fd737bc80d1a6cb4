//! The journal: every group commit as one frame, in two preallocated files that take turns.
//!
//! A commit overwrites space that was written before, so that a sync is one write of data and none
//! of the file system's own records; that costs half of what an append or a commit of redb does.
//! When the file in use has grown past its size and a checkpoint holds all that the other one
//! contains, the other one begins a new generation and is written from its start. Nothing is ever
//! trimmed.
//!
//! Invariants: what [`Journal::append`] returned for is on disk. Sequence numbers are without gap
//! across both files. At most one frame is not synced, so a damaged frame is the end of the
//! journal if nothing of its generation follows, and corruption otherwise.

mod file;
mod frame;
mod header;

use std::sync::Arc;

use bytes::Bytes;

use self::file::{Frames, LogFile};
pub(super) use self::frame::Frame;
use super::backend::FileGauge;
use super::config::{EmbeddedConfig, Threads};
use super::disk::Disk;
use crate::error::StoreError;

const NAMES: [&str; 2] = ["journal-0.log", "journal-1.log"];

/// What the journal was called when it was a redb file.
const OLDER: &str = "journal.redb";

pub(super) struct Journal {
    files: [LogFile; 2],
    /// Which file is written to.
    active: usize,
    file_bytes: u64,
    threads: Threads,
    gauge: Arc<FileGauge>,
}

/// What the journal knows beyond the state file.
pub(super) struct Tail {
    /// The newest batch of all.
    pub(super) end: u64,
    /// Batches above `applied`, in order.
    pub(super) batches: Vec<(u64, Bytes)>,
}

impl Journal {
    /// Opens or makes the files, and reads what lies above `applied`.
    pub(super) fn open(
        disk: &dyn Disk,
        config: &EmbeddedConfig,
        threads: Threads,
        gauge: Arc<FileGauge>,
        applied: u64,
    ) -> Result<(Self, Tail), StoreError> {
        let older = disk.open(OLDER).map_err(StoreError::io("look for an older journal"))?;
        if older.is_some() {
            return Err(StoreError::corrupt(format!(
                "{OLDER} is the journal of an earlier layout that this version does not read: let \
                 the version that wrote it move its data, or choose another directory"
            )));
        }
        let grow_by = (config.journal_file_bytes / 16).clamp(header::BYTES, 1 << 20);
        let files = LogFile::open_or_make(disk, NAMES, grow_by)?;
        let newest = usize::from(files[1].generation() > files[0].generation());
        let mut journal =
            Self { files, active: newest, file_bytes: config.journal_file_bytes, threads, gauge };
        let older = journal.files[1 - newest].recover(applied)?;
        let newer = journal.files[newest].recover(applied)?;
        journal.files[newest].ensure_end()?;
        if newer.first.is_none() {
            // A turn was cut short: the older one is what the journal ends with.
            journal.files[1 - newest].ensure_end()?;
            journal.files[1 - newest].secure(&older)?;
        }
        journal.files[newest].secure(&newer)?;
        let tail = join(older, newer, applied)?;
        journal.measure();
        Ok((journal, tail))
    }

    /// Writes a group commit's frame; on disk when it returns, one sync. The state file holds
    /// everything up to `applied`.
    pub(super) fn append(&mut self, frame: Frame, applied: u64) -> Result<(), StoreError> {
        let (file, other) = (&self.files[self.active], &self.files[1 - self.active]);
        let generation = file.generation();
        // An empty file's turn is not over: the other one alone tells where the journal ends.
        let turns = file.last() > 0 && file.used() >= self.file_bytes && other.last() <= applied;
        if turns || generation == 0 {
            if turns {
                self.active = 1 - self.active;
            }
            self.files[self.active].begin(generation + 1, self.threads, self.file_bytes)?;
        }
        self.files[self.active].append(frame)?;
        self.gauge.syncs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.measure();
        Ok(())
    }

    /// Gives the files back.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let [first, second] = self.files;
        first.close().and(second.close())
    }

    fn measure(&self) {
        let length = self.files.iter().map(LogFile::length).sum();
        self.gauge.length.store(length, std::sync::atomic::Ordering::Relaxed);
    }
}

/// What both files hold together. What the older one holds may have been overwritten in part by a
/// turn that a crash has undone; it was superfluous then.
fn join(older: Frames, newer: Frames, applied: u64) -> Result<Tail, StoreError> {
    let joins = newer.first.is_none_or(|first| first == older.last + 1);
    let (begins, batches) = match (joins, newer.first) {
        (true, _) => (older.first.or(newer.first), [older.batches, newer.batches].concat()),
        (false, first) => (first, newer.batches),
    };
    let end = older.last.max(newer.last);
    if end < applied {
        return Err(StoreError::corrupt(format!(
            "the journal ends at batch {end}, but the state file holds batch {applied}"
        )));
    }
    if let Some(begins) = begins.filter(|&begins| begins > applied + 1) {
        return Err(StoreError::corrupt(format!(
            "the journal begins at batch {begins}, but the state file holds batch {applied}"
        )));
    }
    Ok(Tail { end, batches })
}
