//! Room in `values.dat` that is given back: parts of the file whose values nobody needs any more.
//!
//! Invariant: a block of the disk goes back when it has nothing but zeros. It reads the same without
//! its room, so it does not matter whose they are, nor what a crash has left of the way there.

use std::io;

use redb::StorageBackend;

use super::super::disk::Discard;
use super::extent::Extent;

/// What disks keep and give back at once.
const BLOCK: u64 = 4 << 10;

/// Puts parts in order, and makes one of those that follow each other.
pub(in crate::embedded) fn join(parts: &mut Vec<Extent>) {
    parts.sort_unstable();
    parts.dedup_by(|next, last| {
        let follows = last.end() == next.offset;
        last.length += if follows { next.length } else { 0 };
        follows
    });
}

/// Gives back parts in their order. A block of which others may be needed is read once, and written
/// once with zeros in the place of all that is given back of it.
pub(super) struct Room<'f> {
    file: &'f dyn StorageBackend,
    discard: &'f dyn Discard,
    /// Nothing behind it is touched.
    end: u64,
    /// Where the block begins that is being cleared.
    begin: u64,
    /// What stays of it; empty before there is one.
    block: Vec<u8>,
}

impl<'f> Room<'f> {
    /// `end`: where the file ends, as far as it is named.
    pub(super) fn new(file: &'f dyn StorageBackend, discard: &'f dyn Discard, end: u64) -> Self {
        Self { file, discard, end, begin: 0, block: Vec::new() }
    }

    pub(super) fn give_back(&mut self, part: Extent) -> io::Result<()> {
        let end = part.end();
        if end > self.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let whole = part.offset.next_multiple_of(BLOCK).min(end);
        let rest = (end - end % BLOCK).max(whole);
        self.clear(part.offset, whole)?;
        if whole < rest {
            self.discard.discard(whole, rest - whole)?;
        }
        self.clear(rest, end)
    }

    /// Takes note of a part of one block.
    fn clear(&mut self, from: u64, end: u64) -> io::Result<()> {
        if from == end {
            return Ok(());
        }
        let begin = from - from % BLOCK;
        if self.block.is_empty() || self.begin != begin {
            self.finish()?;
            let length = self.end.min(begin + BLOCK).saturating_sub(begin);
            let mut block = vec![0; length as usize];
            self.file.read(begin, &mut block)?;
            (self.begin, self.block) = (begin, block);
        }
        let within = (from - begin) as usize..(end - begin) as usize;
        self.block.get_mut(within).ok_or(io::ErrorKind::UnexpectedEof)?.fill(0);
        Ok(())
    }

    /// The last block has been told of all.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        match block.iter().any(|byte| *byte != 0) {
            true => self.file.write(self.begin, &block),
            false if block.is_empty() => Ok(()),
            false => self.discard.discard(self.begin, block.len() as u64),
        }
    }
}
