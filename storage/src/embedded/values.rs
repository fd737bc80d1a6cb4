//! `values.dat`: the values of tables that are kept apart, one behind the other as checkpoints
//! found them.
//!
//! A tree's page must be read whole to get at one of its rows, and be written whole to add one.
//! Events and histories are large, never change but for what is added, and are read one by one,
//! wherever they lie; so the tree holds where they are, and a read is one look into a file.
//!
//! ```text
//! row in state.redb: (offset, length)*  ──►  values.dat: header · value · value · …  end
//! ```
//!
//! Invariant: the state file names the end. What lies before it is synced before it is named, and
//! changes no more as long as a row has it, so a row means the same in every checkpoint; what lies
//! behind it was never named and is written over. Where a row is gone from every checkpoint that is
//! read, its bytes become zeros, and blocks of zeros go back to the disk, if that knows holes; a
//! crash may leave them there. A block is written again where parts of it are needed, with the same
//! bytes: disks are trusted to write a sector whole or not at all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use redb::StorageBackend;

use super::backend::{FileGauge, Gauged};
use super::disk::{Discard, Disk};
use super::room::Room;
use crate::error::StoreError;
use crate::record::{Malformed, push_varint, read_varint};

pub(super) const NAME: &str = "values.dat";
/// What the file begins with.
const HEADER: &[u8; 16] = b"everstep values\x01";
/// So much is written at once.
const PIECE: usize = 256 << 10;
/// So much is read at once by who reads values in the order in which they lie.
const AHEAD: u64 = 32 << 10;
/// Values up to so many bytes share their memory when they are read at once.
const TOGETHER: u64 = 64 << 10;
/// A value that grows is written anew as one when it lies in so many parts: each is a look of its
/// own for who reads it.
const MOST_PARTS: usize = 8;

/// A part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Extent {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Extent {
    pub(super) fn end(self) -> u64 {
        self.offset + self.length
    }
}

fn malformed(_: Malformed) -> StoreError {
    StoreError::corrupt("the place of a value in values.dat makes no sense")
}

/// Where a row's value lies, part by part; nothing follows a part that makes no sense.
fn parts(row: &[u8]) -> impl Iterator<Item = Result<Extent, Malformed>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = (at < row.len()).then(|| part(row, &mut at))?;
        if found.is_err() {
            at = row.len();
        }
        Some(found)
    })
}

fn part(row: &[u8], at: &mut usize) -> Result<Extent, Malformed> {
    let (offset, length) = (read_varint(row, at)?, read_varint(row, at)?);
    offset.checked_add(length).ok_or(Malformed)?;
    Ok(Extent { offset, length })
}

/// Where a row's value lies, if it lies in one piece.
pub(super) fn one_part(row: &[u8]) -> Option<Extent> {
    let mut all = parts(row);
    all.next()?.ok().filter(|_| all.next().is_none())
}

/// A row whose value lies there.
fn row_of(parts: &[Extent]) -> Vec<u8> {
    let mut row = Vec::with_capacity(parts.len() * 8);
    for part in parts {
        push_varint(&mut row, part.offset);
        push_varint(&mut row, part.length);
    }
    row
}

pub(super) struct ValueFile {
    file: Gauged,
    /// Gives back what nobody reads any more.
    discard: Box<dyn Discard>,
    /// Up to here it may be read.
    end: AtomicU64,
}

impl ValueFile {
    /// Opens the file, of which a checkpoint says that it ends at `end`; makes it if that is 0.
    pub(super) fn open(
        disk: &dyn Disk,
        end: u64,
        gauge: Arc<FileGauge>,
    ) -> Result<Arc<Self>, StoreError> {
        let action = "open values.dat";
        let found = disk.open(NAME).map_err(StoreError::io(action))?;
        let file = match found {
            Some(file) => file,
            None if end == 0 => disk.create(NAME).map_err(StoreError::io("make values.dat"))?,
            None => return Err(StoreError::corrupt(format!("{NAME} is gone"))),
        };
        let file = Gauged::new(file, gauge);
        let length = file.len().map_err(StoreError::io(action))?;
        let mut header = vec![0; length.min(HEADER.len() as u64) as usize];
        file.read(0, &mut header).map_err(StoreError::io(action))?;
        if end > 0 && length < end {
            return Err(StoreError::corrupt(format!(
                "{NAME} has {length} bytes, but the state file knows of {end}"
            )));
        }
        // What a crash left of a header that was never named may be anything of it.
        let torn = || end == 0 && header.iter().zip(HEADER).all(|(is, of)| [0, *of].contains(is));
        if header != HEADER && !torn() {
            return Err(StoreError::corrupt(format!("{NAME} is no file of values")));
        }
        if end == 0 {
            // All that is named from now on hangs on the file's own name.
            disk.sync_names().map_err(StoreError::io("sync the store's directory"))?;
        }
        let discard = disk.discard(NAME).map_err(StoreError::io(action))?;
        Ok(Arc::new(Self { file, discard, end: AtomicU64::new(end) }))
    }

    /// The value that a row stands for.
    pub(super) fn read(&self, row: &[u8]) -> Result<Bytes, StoreError> {
        let end = self.end.load(Ordering::Acquire);
        let mut length = 0;
        for part in parts(row) {
            let part = part.ok().filter(|part| part.end() <= end);
            length += part.ok_or(Malformed).map_err(malformed)?.length as usize;
        }
        let mut value = vec![0; length];
        let mut rest = &mut value[..];
        for part in parts(row) {
            let Extent { offset, length } = part.map_err(malformed)?;
            let (this, behind) = rest.split_at_mut(length as usize);
            self.file.read(offset, this).map_err(StoreError::io("read values.dat"))?;
            rest = behind;
        }
        Ok(value.into())
    }

    /// The value that lies there.
    pub(super) fn read_at(&self, place: Extent) -> Result<Bytes, StoreError> {
        if place.end() > self.end.load(Ordering::Acquire) {
            return Err(malformed(Malformed));
        }
        let mut value = vec![0; place.length as usize];
        self.file.read(place.offset, &mut value).map_err(StoreError::io("read values.dat"))?;
        Ok(value.into())
    }

    /// The values that lie there, wherever that is.
    pub(super) fn read_all(&self, places: &[Extent]) -> Result<Vec<Bytes>, StoreError> {
        let whole = places.iter().map(|place| place.length).sum::<u64>();
        if whole > TOGETHER {
            // Who keeps one of them should not keep the others in memory.
            return places.iter().map(|place| self.read_at(*place)).collect();
        }
        let end = self.end.load(Ordering::Acquire);
        let mut bytes = vec![0; whole as usize];
        let mut rest = &mut bytes[..];
        for place in places {
            let (this, behind) = rest.split_at_mut(place.length as usize);
            if place.end() > end {
                return Err(malformed(Malformed));
            }
            self.file.read(place.offset, this).map_err(StoreError::io("read values.dat"))?;
            rest = behind;
        }
        let (bytes, mut at) = (Bytes::from(bytes), 0);
        let cut = places.iter().map(|place| {
            let from = at;
            at += place.length as usize;
            bytes.slice(from..at)
        });
        Ok(cut.collect())
    }

    /// What there is from a place on, so many bytes at most.
    fn read_from(&self, offset: u64, most: u64) -> Result<Bytes, StoreError> {
        let end = self.end.load(Ordering::Acquire).min(offset.saturating_add(most));
        let mut bytes = vec![0; end.saturating_sub(offset) as usize];
        self.file.read(offset, &mut bytes).map_err(StoreError::io("read values.dat"))?;
        Ok(bytes.into())
    }

    /// Begins to write a checkpoint's values.
    pub(super) fn begin(self: &Arc<Self>) -> ValueWriter {
        let end = self.end.load(Ordering::Acquire);
        ValueWriter {
            file: Arc::clone(self),
            written: end,
            waiting: Vec::new(),
            wrote: false,
            freed: Vec::new(),
        }
    }

    /// Gives back parts, in their order, that no checkpoint has any more, nor anybody who reads. One
    /// that cannot be given back does not keep the others.
    pub(super) fn give_back(&self, parts: impl Iterator<Item = Extent>) -> Result<(), StoreError> {
        let mut room = Room::new(&self.file, &*self.discard, self.end.load(Ordering::Acquire));
        let mut given = Ok(());
        for part in parts {
            given = given.and(room.give_back(part));
        }
        given.and(room.finish()).map_err(StoreError::io("give back room in values.dat"))
    }

    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.file.close().map_err(StoreError::io("close values.dat"))
    }
}

/// Reads values one after the other; those that lie behind each other in one look.
pub(super) struct ValueReader {
    file: Arc<ValueFile>,
    /// What was read last, and where it begins.
    ahead: (u64, Bytes),
}

impl ValueReader {
    pub(super) fn new(file: Arc<ValueFile>) -> Self {
        Self { file, ahead: (0, Bytes::new()) }
    }

    /// The value that a row stands for.
    pub(super) fn read(&mut self, row: &[u8]) -> Result<Bytes, StoreError> {
        let Some(part) = one_part(row) else { return self.file.read(row) };
        let (begin, bytes) = &self.ahead;
        let end = begin + bytes.len() as u64;
        if part.offset >= *begin && part.end() <= end {
            let from = (part.offset - begin) as usize;
            return Ok(bytes.slice(from..from + part.length as usize));
        }
        // Who goes on where the last one ended will go on so, as a rule.
        let follows = (*begin..=end).contains(&part.offset) && !bytes.is_empty();
        let value = match follows {
            true => self.file.read_from(part.offset, AHEAD.max(part.length))?,
            false => self.file.read(row)?,
        };
        self.ahead = (part.offset, value.clone());
        match value.len() as u64 >= part.length {
            true => Ok(value.slice(..part.length as usize)),
            false => Err(malformed(Malformed)),
        }
    }
}

/// The values of one checkpoint; dropped, they were never there.
pub(super) struct ValueWriter {
    file: Arc<ValueFile>,
    /// Up to here the file is written.
    written: u64,
    /// What comes behind it.
    waiting: Vec<u8>,
    wrote: bool,
    /// What rows of this checkpoint stood for before.
    freed: Vec<Extent>,
}

impl ValueWriter {
    /// The row of a value.
    pub(super) fn put(&mut self, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.append(&[], std::iter::once(value))
    }

    /// The row of a value that grows by some bytes. What it was is read only if it lies in too many
    /// parts.
    pub(super) fn append<'a>(
        &mut self,
        row: &[u8],
        bytes: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut parts = parts(row).collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        if parts.len() >= MOST_PARTS {
            let before = self.file.read(row)?;
            self.freed.append(&mut parts);
            self.add(&before, &mut parts)?;
        }
        for bytes in bytes {
            self.add(bytes, &mut parts)?;
        }
        Ok(row_of(&parts))
    }

    /// Writes bytes behind a value that lies in these parts.
    fn add(&mut self, bytes: &[u8], parts: &mut Vec<Extent>) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (offset, length) = (self.take(bytes)?, bytes.len() as u64);
        match parts.last_mut() {
            Some(last) if last.end() == offset => last.length += length,
            _ => parts.push(Extent { offset, length }),
        }
        Ok(())
    }

    /// Writes bytes; answers where they are.
    fn take(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        if self.written == 0 {
            self.waiting.extend_from_slice(HEADER);
            self.flush()?;
        }
        let offset = self.written + self.waiting.len() as u64;
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(offset)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let written: io::Result<()> = self.file.file.write(self.written, &self.waiting);
        written.map_err(StoreError::io("write to values.dat"))?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        self.wrote = true;
        Ok(())
    }

    /// What a row stood for is not needed by this checkpoint.
    pub(super) fn free(&mut self, row: &[u8]) -> Result<(), StoreError> {
        for part in parts(row) {
            self.freed.push(part.map_err(malformed)?);
        }
        Ok(())
    }

    /// The value of a row of an earlier checkpoint.
    pub(super) fn read(&self, row: &[u8]) -> Result<Bytes, StoreError> {
        self.file.read(row)
    }

    /// Makes the values durable; answers where the file ends then.
    pub(super) fn sync(&mut self) -> Result<u64, StoreError> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        if self.wrote {
            let file = &self.file.file;
            // So that its length is known to who asks for the store's size.
            let synced = file.sync_data().and_then(|()| file.len());
            synced.map_err(StoreError::io("sync values.dat"))?;
        }
        Ok(self.written)
    }

    /// The checkpoint stands: its values may be read. Answers what it has freed.
    pub(super) fn commit(self) -> Vec<Extent> {
        self.file.end.store(self.written, Ordering::Release);
        self.freed
    }
}
