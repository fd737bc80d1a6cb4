//! Where a value lies that is kept apart: what its row in `state.redb` says.

use crate::error::StoreError;
use crate::record::{Malformed, push_varint, read_varint};

/// So many bits of an offset say where in its file it is, the ones above them which file that is.
const FILE_BITS: u32 = 40;

/// The longest that a file may be: 1 TiB.
pub(super) const LONGEST: u64 = 1 << FILE_BITS;

/// A part of a file of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::embedded) struct Extent {
    pub(in crate::embedded) offset: u64,
    pub(in crate::embedded) length: u64,
}

impl Extent {
    pub(super) fn end(self) -> u64 {
        self.offset + self.length
    }
}

/// The file that an offset belongs to, and where in it that is.
pub(super) fn split(offset: u64) -> (usize, u64) {
    ((offset >> FILE_BITS) as usize, offset % LONGEST)
}

/// Where a file begins.
pub(super) fn beginning(file: usize) -> u64 {
    (file as u64) << FILE_BITS
}

pub(super) fn malformed(_: Malformed) -> StoreError {
    StoreError::corrupt("the place of a value in values.dat makes no sense")
}

/// Where a row's value lies, part by part; nothing follows a part that makes no sense.
pub(super) fn parts(row: &[u8]) -> impl Iterator<Item = Result<Extent, Malformed>> + Clone + '_ {
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
pub(in crate::embedded) fn one_part(row: &[u8]) -> Option<Extent> {
    let mut all = parts(row);
    all.next()?.ok().filter(|_| all.next().is_none())
}

/// A row whose value lies there.
pub(super) fn row_of(parts: &[Extent]) -> Vec<u8> {
    let mut row = Vec::with_capacity(parts.len() * 8);
    for part in parts {
        push_varint(&mut row, part.offset);
        push_varint(&mut row, part.length);
    }
    row
}
