//! The encoding of one declaration: kind, table, key and value.
//!
//! `kind u8 · table u8 · varint key length · key · varint value length · value`, with varints in
//! LEB128. The same bytes travel from [`Batch`](crate::Batch) into the journal and, sliced, into
//! the overlay.
//!
//! Invariant: decoding what [`push`] wrote gives the same parts; decoding anything else gives
//! them or [`Malformed`], never a panic.

use std::ops::Range;

pub(crate) const PUT: u8 = 1;
pub(crate) const APPEND: u8 = 2;
pub(crate) const DELETE: u8 = 3;
pub(crate) const ADD: u8 = 4;
/// An addition to a row of a coded store; see `codec/chunk`.
pub(crate) const TALLY: u8 = 5;
pub(crate) const ASSERT_ABSENT: u8 = 16;
pub(crate) const ASSERT_VALUE: u8 = 17;
pub(crate) const FENCE: u8 = 18;

/// Bytes that are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where the parts of one record lie inside the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: u8,
    pub(crate) table: u8,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

pub(crate) fn push(into: &mut Vec<u8>, kind: u8, table: u8, key: &[u8], value: &[u8]) {
    into.reserve(key.len() + value.len() + 12);
    into.push(kind);
    into.push(table);
    push_varint(into, key.len() as u64);
    into.extend_from_slice(key);
    push_varint(into, value.len() as u64);
    into.extend_from_slice(value);
}

pub(crate) fn push_varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push((value as u8) | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

pub(crate) fn read_varint(bytes: &[u8], at: &mut usize) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Malformed)?;
        *at += 1;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return Err(Malformed);
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn read_part(bytes: &[u8], at: &mut usize) -> Result<Range<usize>, Malformed> {
    let length = usize::try_from(read_varint(bytes, at)?).map_err(|_| Malformed)?;
    let end = at.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(Malformed)?;
    let part = *at..end;
    *at = end;
    Ok(part)
}

/// The records in `bytes`, in order. Stops after the first malformed one.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn read(&mut self) -> Result<Record, Malformed> {
        let [kind, table] = *self.bytes.get(self.at..self.at + 2).ok_or(Malformed)? else {
            return Err(Malformed);
        };
        let mut at = self.at + 2;
        let key = read_part(self.bytes, &mut at)?;
        let value = read_part(self.bytes, &mut at)?;
        let value_fits = match kind {
            PUT | APPEND | ASSERT_VALUE => true,
            DELETE | ASSERT_ABSENT => value.is_empty(),
            ADD | TALLY | FENCE => value.len() == 8,
            _ => false,
        };
        if !value_fits {
            return Err(Malformed);
        }
        self.at = at;
        Ok(Record { kind, table, key, value })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.at = self.bytes.len();
        }
        Some(record)
    }
}

/// What a counter row counts: eight bytes, little endian. A row of any other length counts as 0,
/// so that adding never has to read before it writes.
pub(crate) fn counter(value: &[u8]) -> i64 {
    value.try_into().map_or(0, i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            let mut at = 0;
            assert_eq!(read_varint(&bytes, &mut at), Ok(value));
            assert_eq!(at, bytes.len());
        }
        assert_eq!(read_varint(&[0xff; 10], &mut 0), Err(Malformed), "beyond 64 bits");
        assert_eq!(read_varint(&[0x80], &mut 0), Err(Malformed), "cut");
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_read_without_panic() {
        let mut bytes = Vec::new();
        push(&mut bytes, PUT, 3, b"key", b"value");
        push(&mut bytes, ADD, 4, b"n", &7i64.to_le_bytes());
        assert_eq!(Records::new(&bytes).filter(Result::is_ok).count(), 2);
        for cut in 0..bytes.len() {
            let whole = Records::new(&bytes[..cut]).filter(Result::is_ok).count();
            assert!(whole < 2, "cut at {cut} still gives {whole} records");
        }
        for at in 0..bytes.len() {
            for flip in 1..=255 {
                let mut broken = bytes.clone();
                broken[at] ^= flip;
                for record in Records::new(&broken).flatten() {
                    assert!(record.value.end <= broken.len());
                }
            }
        }
    }
}
