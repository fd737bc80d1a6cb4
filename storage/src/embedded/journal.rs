//! `journal.redb`: one value per segment of a group commit, appended at the right edge.
//!
//! Invariant: what [`Journal::append`] returned for is on disk. Sequence numbers are without gap;
//! the newest segment is never trimmed, so that the file always tells where the store's end is.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::backend::FileGauge;
use super::config::EmbeddedConfig;
use super::disk::Disk;
use super::failure::{RedbFile, check_format, redb};
use super::segment::{Finished, Segment};
use crate::error::StoreError;

const FORMAT: u64 = 1;
const NAME: &str = "journal.redb";
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");

/// A commit takes at most so many superfluous segments along …
const TRIM_MOST: usize = 1024;
/// … or, since redb reads what it removes, so many bytes of them.
const TRIM_BYTES: usize = 1 << 20;

pub(super) struct Journal {
    database: Database,
    /// What is in the file, oldest first.
    segments: VecDeque<Stored>,
    next_key: u64,
    trim_least: usize,
}

struct Stored {
    key: u64,
    last: u64,
    bytes: usize,
}

/// What the journal knows beyond the state file.
pub(super) struct Tail {
    /// The newest batch of all.
    pub(super) end: u64,
    /// Batches above `applied`, in order; one that was cut comes in several parts.
    pub(super) batches: Vec<(u64, Bytes)>,
}

fn initialize(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(redb("make the journal"))?;
    {
        let mut meta = transaction.open_table(META).map_err(redb("make the journal"))?;
        meta.insert("format", FORMAT).map_err(redb("make the journal"))?;
        transaction.open_table(SEGMENTS).map_err(redb("make the journal"))?;
    }
    transaction.commit().map_err(redb("make the journal"))
}

impl Journal {
    /// Opens or makes the file, and reads what lies above `applied`.
    pub(super) fn open(
        disk: &dyn Disk,
        config: &EmbeddedConfig,
        gauge: Arc<FileGauge>,
        applied: u64,
    ) -> Result<(Self, Tail), StoreError> {
        let temporary = "journal.redb.new";
        let cache_bytes = config.journal_cache_bytes;
        let opening = "open journal.redb";
        let file = RedbFile { name: NAME, temporary, opening, cache_bytes, gauge, initialize };
        let database = file.open(disk)?;
        let read = database.begin_read().map_err(redb("read the journal"))?;
        let meta = read.open_table(META).map_err(redb("read the journal"))?;
        let format = meta.get("format").map_err(redb("read the journal"))?;
        check_format(NAME, format.map(|format| format.value()), FORMAT)?;

        let mut segments = VecDeque::new();
        let mut batches = Vec::new();
        let mut end = None;
        let table = read.open_table(SEGMENTS).map_err(redb("read the journal"))?;
        for row in table.iter().map_err(redb("read the journal"))? {
            let (key, value) = row.map_err(redb("read the journal"))?;
            let key = key.value();
            let what = |error| StoreError::corrupt(format!("{NAME}, segment {key}: {error}"));
            let segment = Segment::decode(&Bytes::copy_from_slice(value.value())).map_err(what)?;
            check_order(&segment, end, applied).map_err(what)?;
            if segment.last > applied {
                let parts = segment.batches().map_err(what)?;
                batches.extend(parts.into_iter().filter(|(sequence, _)| *sequence > applied));
            }
            segments.push_back(Stored { key, last: segment.last, bytes: value.value().len() });
            end = Some(segment.last);
        }
        let end = end.unwrap_or(0);
        if end < applied {
            return Err(StoreError::corrupt(format!(
                "{NAME} ends at batch {end}, but the state file holds batch {applied}"
            )));
        }
        drop((table, meta, read));
        let trim_least = config.trim_segments.max(1);
        let next_key = segments.back().map_or(1, |newest| newest.key + 1);
        Ok((Self { database, segments, next_key, trim_least }, Tail { end, batches }))
    }

    /// Appends a group commit's segments, and drops some that a checkpoint at `applied` has made
    /// superfluous. On disk when it returns; one sync.
    pub(super) fn append(&mut self, segments: &[Finished], applied: u64) -> Result<(), StoreError> {
        let trimmed = match self.superfluous(applied, TRIM_MOST) {
            few if few < self.trim_least => 0,
            many => {
                let mut bytes = 0;
                let affordable = self.segments.iter().take(many).take_while(|segment| {
                    bytes += segment.bytes;
                    bytes <= TRIM_BYTES
                });
                // More go than come, so that the journal shrinks again behind a burst.
                affordable.count().max(2 * segments.len()).min(many)
            }
        };
        self.write(segments, trimmed)
    }

    /// Drops all that a checkpoint at `applied` has made superfluous.
    pub(super) fn trim(&mut self, applied: u64) -> Result<(), StoreError> {
        match self.superfluous(applied, usize::MAX) {
            0 => Ok(()),
            trimmed => self.write(&[], trimmed),
        }
    }

    /// Gives the file back.
    pub(super) fn close(self) -> Result<(), StoreError> {
        self.database.close().map_err(redb("close the journal"))
    }

    fn superfluous(&self, applied: u64, most: usize) -> usize {
        let older = self.segments.len().saturating_sub(1).min(most);
        self.segments.iter().take(older).take_while(|segment| segment.last <= applied).count()
    }

    fn write(&mut self, segments: &[Finished], trimmed: usize) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(redb("begin a commit"))?;
        {
            let mut table = transaction.open_table(SEGMENTS).map_err(redb("begin a commit"))?;
            if let Some(newest) = trimmed.checked_sub(1).and_then(|last| self.segments.get(last)) {
                table.retain_in(..=newest.key, |_, _| false).map_err(redb("trim the journal"))?;
            }
            let mut cursor = table
                .upper_bound_mut(Bound::<u64>::Unbounded)
                .map_err(redb("append to the journal"))?;
            for (key, segment) in (self.next_key..).zip(segments) {
                cursor.insert_before(key, segment.bytes.as_slice()).map_err(|error| {
                    StoreError::io("append to the journal")(std::io::Error::other(error))
                })?;
            }
            cursor.close().map_err(redb("append to the journal"))?;
        }
        transaction.commit().map_err(redb("commit to the journal"))?;
        self.segments.drain(..trimmed);
        for segment in segments {
            let (key, bytes) = (self.next_key, segment.bytes.len());
            self.segments.push_back(Stored { key, last: segment.last, bytes });
            self.next_key += 1;
        }
        Ok(())
    }
}

/// A segment begins where the one before ended; the oldest leaves no gap above `applied`.
fn check_order(segment: &Segment, end: Option<u64>, applied: u64) -> Result<(), String> {
    let first = segment.first;
    let fits = match end {
        Some(end) if segment.continues => first == end,
        Some(end) => first == end + 1,
        None => first > 0 && first <= applied + 1,
    };
    if fits {
        return Ok(());
    }
    Err(format!("it begins at batch {first} behind {end:?}, the state file holds batch {applied}"))
}
