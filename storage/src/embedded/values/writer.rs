//! Writing a checkpoint's values behind those that there are.

use std::sync::Arc;

use bytes::Bytes;

use super::extent::{Extent, malformed, parts, row_of, split};
use super::file::{HEADER, ValueFile, name_of};
use super::{Named, Values};
use crate::error::StoreError;

/// So much is written at once.
const PIECE: usize = 256 << 10;
/// A value that grows is written anew as one when it lies in so many parts: each is a look of its
/// own for who reads it.
const MOST_PARTS: usize = 8;

/// The values of one checkpoint; dropped, they were never there.
pub(in crate::embedded) struct ValueWriter {
    /// As of the checkpoint before.
    values: Arc<Values>,
    /// The file that is written to.
    file: Arc<ValueFile>,
    /// Up to here it is written.
    written: u64,
    /// What comes behind it.
    waiting: Vec<u8>,
    wrote: bool,
    /// What rows of this checkpoint stood for before.
    freed: Vec<Extent>,
}

impl ValueWriter {
    /// Writes to this file, from this offset on.
    pub(super) fn new(values: Arc<Values>, file: Arc<ValueFile>, written: u64) -> Self {
        let (waiting, freed) = (Vec::new(), Vec::new());
        Self { values, file, written, waiting, wrote: false, freed }
    }

    /// The row of a value.
    pub(in crate::embedded) fn put(&mut self, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.append(&[], std::iter::once(value))
    }

    /// The row of a value that grows by some bytes. What it was is read only if it lies in too many
    /// parts.
    pub(in crate::embedded) fn append<'a>(
        &mut self,
        row: &[u8],
        bytes: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut parts = parts(row).collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        if parts.len() >= MOST_PARTS {
            let before = self.values.read(row)?;
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
        if split(self.written).1 == 0 {
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
        self.file.write(split(self.written).1, &self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        self.wrote = true;
        Ok(())
    }

    /// What a row stood for is not needed by this checkpoint.
    pub(in crate::embedded) fn free(&mut self, row: &[u8]) -> Result<(), StoreError> {
        for part in parts(row) {
            self.freed.push(part.map_err(malformed)?);
        }
        Ok(())
    }

    /// The value of a row of an earlier checkpoint.
    pub(in crate::embedded) fn read(&self, row: &[u8]) -> Result<Bytes, StoreError> {
        self.values.read(row)
    }

    /// Makes the values durable; answers which file they are in, and where that ends then.
    pub(in crate::embedded) fn sync(&mut self) -> Result<(String, u64), StoreError> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        if self.wrote {
            self.file.sync()?;
        }
        let (number, end) = split(self.written);
        Ok((name_of(number), end))
    }

    /// The checkpoint stands: the values with its own among them, and what it has freed.
    pub(in crate::embedded) fn commit(self) -> (Arc<Values>, Vec<Extent>) {
        let (number, end) = split(self.written);
        let mut files = self.values.files.clone();
        files.truncate(number);
        files.push(Named { file: self.file, end });
        (Arc::new(Values { files }), self.freed)
    }
}
