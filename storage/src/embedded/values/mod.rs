//! `values.dat`: the values of tables that are kept apart, one behind the other as checkpoints
//! found them; when it is long, `values-1.dat`, and so on.
//!
//! A tree's page must be read whole to get at one of its rows, and be written whole to add one.
//! Events and histories are large, never change but for what is added, and are read one by one,
//! wherever they lie; so the tree holds where they are, and a read is one look into a file.
//!
//! ```text
//! row in state.redb: (offset, length)*  ──►  values.dat: header · value · value · …  end
//! ```
//!
//! Invariant: the state file names each file's end. What lies before it is synced before it is named,
//! and changes no more as long as a row has it, so a row means the same in every checkpoint; what
//! lies behind the last one's was never named and is written over. Offsets are never used again. Where a row is gone
//! from every checkpoint that is read, its bytes become zeros, and blocks of zeros go back to the
//! disk, if that knows holes; a crash may leave them there. A block is written again where parts of
//! it are needed, with the same bytes: disks are trusted to write a sector whole or not at all.

mod extent;
mod file;
mod reader;
mod room;
mod writer;

use std::sync::Arc;

use bytes::Bytes;

use self::extent::{LONGEST, beginning, malformed, parts, split};
use self::file::{ValueFile, name_of};
use super::disk::Disk;
use crate::error::StoreError;
use crate::record::Malformed;

pub(super) use self::extent::{Extent, one_part};
pub(super) use self::reader::ValueReader;
pub(super) use self::room::join;
pub(super) use self::writer::ValueWriter;

/// Values up to so many bytes share their memory when they are read at once.
const TOGETHER: u64 = 64 << 10;

/// All values, as of one checkpoint.
pub(super) struct Values {
    /// By number; never none. The last one is written to.
    files: Vec<Named>,
}

/// A file, and how far it is named.
#[derive(Clone)]
struct Named {
    file: Arc<ValueFile>,
    end: u64,
}

impl Values {
    /// Opens the files, of which a checkpoint says how far each is named; makes the last one if
    /// nothing of it is.
    pub(super) fn open(
        disk: &dyn Disk,
        named: impl Fn(&str) -> Result<Option<u64>, StoreError>,
    ) -> Result<Arc<Self>, StoreError> {
        let mut files = Vec::new();
        while let Some(end) = named(&name_of(files.len()))? {
            let file = Arc::new(ValueFile::open(disk, files.len(), end)?);
            files.push(Named { file, end });
        }
        if files.is_empty() {
            files.push(Named { file: Arc::new(ValueFile::open(disk, 0, 0)?), end: 0 });
        }
        Ok(Arc::new(Self { files }))
    }

    /// How long the files are, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.end).sum()
    }

    /// Begins to write a checkpoint's values, to another file if the last one is `full` bytes long.
    pub(super) fn begin(
        self: &Arc<Self>,
        disk: &dyn Disk,
        full: u64,
    ) -> Result<ValueWriter, StoreError> {
        let next = self.files.len();
        let (number, Named { file, end }) = match self.files.last() {
            // Half of what an offset can say is left for what one checkpoint adds.
            Some(last) if last.end < full.clamp(1, LONGEST / 2) => (next - 1, last.clone()),
            _ => (next, Named { file: Arc::new(ValueFile::open(disk, next, 0)?), end: 0 }),
        };
        Ok(ValueWriter::new(Arc::clone(self), file, beginning(number) + end))
    }

    /// Where a part lies, if it is named.
    fn file_of(&self, part: Extent) -> Result<(&ValueFile, u64), StoreError> {
        let (number, within) = split(part.offset);
        let file = self.files.get(number).filter(|file| within + part.length <= file.end);
        let file = file.ok_or_else(|| malformed(Malformed))?;
        Ok((&file.file, within))
    }

    /// What lies in these parts, one behind the other.
    fn gather(
        &self,
        parts: impl Iterator<Item = Result<Extent, Malformed>> + Clone,
    ) -> Result<Bytes, StoreError> {
        let mut length = 0;
        for part in parts.clone() {
            let part = part.map_err(malformed)?;
            self.file_of(part)?;
            length += part.length as usize;
        }
        let mut bytes = vec![0; length];
        let mut rest = &mut bytes[..];
        for part in parts {
            let part = part.map_err(malformed)?;
            let (this, behind) = rest.split_at_mut(part.length as usize);
            let (file, within) = self.file_of(part)?;
            file.read(within, this)?;
            rest = behind;
        }
        Ok(bytes.into())
    }

    /// The value that a row stands for.
    pub(super) fn read(&self, row: &[u8]) -> Result<Bytes, StoreError> {
        self.gather(parts(row))
    }

    /// The value that lies there.
    pub(super) fn read_at(&self, place: Extent) -> Result<Bytes, StoreError> {
        self.gather(std::iter::once(Ok(place)))
    }

    /// The values that lie there, wherever that is.
    pub(super) fn read_all(&self, places: &[Extent]) -> Result<Vec<Bytes>, StoreError> {
        let whole = places.iter().map(|place| place.length).sum::<u64>();
        if whole > TOGETHER {
            // Who keeps one of them should not keep the others in memory.
            return places.iter().map(|place| self.read_at(*place)).collect();
        }
        let bytes = self.gather(places.iter().copied().map(Ok))?;
        let mut at = 0;
        let cut = places.iter().map(|place| {
            let from = at;
            at += place.length as usize;
            bytes.slice(from..at)
        });
        Ok(cut.collect())
    }

    /// What its file has from a place on, so many bytes at most.
    fn read_from(&self, offset: u64, most: u64) -> Result<Bytes, StoreError> {
        let (number, within) = split(offset);
        let file = self.files.get(number).ok_or_else(|| malformed(Malformed))?;
        let mut bytes = vec![0; file.end.saturating_sub(within).min(most) as usize];
        file.file.read(within, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Gives back parts, in their order, that no checkpoint has any more, nor anybody who reads.
    pub(super) fn give_back(&self, parts: impl Iterator<Item = Extent>) -> Result<(), StoreError> {
        let mut parts = parts.peekable();
        let mut given = Ok(());
        while let Some((number, _)) = parts.peek().map(|part| split(part.offset)) {
            let of_file = std::iter::from_fn(|| {
                let part = parts.next_if(|part| split(part.offset).0 == number)?;
                Some(Extent { offset: split(part.offset).1, ..part })
            });
            given = given.and(match self.files.get(number) {
                Some(file) => file.file.give_back(of_file, file.end),
                None => {
                    of_file.for_each(drop);
                    Ok(())
                }
            });
        }
        given
    }

    pub(super) fn close(&self) -> Result<(), StoreError> {
        let mut closed = Ok(());
        for file in &self.files {
            closed = closed.and(file.file.close());
        }
        closed
    }
}
