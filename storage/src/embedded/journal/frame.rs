//! One group commit as the journal holds it: writes of consecutive batches, with a checksum.
//!
//! ```text
//! version u8 · check u24 · length u32 · first sequence u64 · last sequence u64 · xxh3-64 u64
//! then, for each batch: varint length · records
//! ```
//!
//! Integers are little endian; `length` counts the bytes behind the header; the checksum is seeded
//! with the file's salt and covers everything but itself. `check` is a short one over the header
//! alone, so that what is no frame is not read as far as its supposed length.

use bytes::Bytes;
use twox_hash::XxHash3_64;

use crate::record;

const VERSION: u8 = 1;
pub(super) const HEADER: usize = 32;
const CHECK: std::ops::Range<usize> = 1..4;
const CHECKSUM: std::ops::Range<usize> = 24..HEADER;

/// A frame that is being filled.
pub(crate) struct Frame {
    first: u64,
    last: u64,
    bytes: Vec<u8>,
}

impl Default for Frame {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.resize(HEADER, 0);
        bytes[0] = VERSION;
        Self { first: 0, last: 0, bytes }
    }
}

impl Frame {
    /// Adds the next batch's encoded writes.
    pub(crate) fn push(&mut self, sequence: u64, records: &[u8]) {
        if self.first == 0 {
            self.first = sequence;
        }
        self.last = sequence;
        self.bytes.reserve(records.len() + 10);
        record::push_varint(&mut self.bytes, records.len() as u64);
        self.bytes.extend_from_slice(records);
    }

    /// The newest batch in it.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// What is written into a file with this salt; none if it is longer than a frame can be.
    pub(super) fn finish(mut self, salt: u64) -> Option<Vec<u8>> {
        let length = u32::try_from(self.bytes.len() - HEADER).ok()?;
        self.bytes[4..8].copy_from_slice(&length.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&self.last.to_le_bytes());
        let check = check(&self.bytes, salt);
        self.bytes[CHECK].copy_from_slice(&check);
        let (head, body) = self.bytes.split_at(HEADER);
        let sum = checksum(&head[..CHECKSUM.start], body, salt);
        self.bytes[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
        Some(self.bytes)
    }
}

fn check(head: &[u8], salt: u64) -> [u8; 3] {
    let [a, b, c, ..] =
        XxHash3_64::oneshot_with_seed(salt, &head[CHECK.end..CHECKSUM.start]).to_le_bytes();
    [a, b, c]
}

fn checksum(head: &[u8], body: &[u8], salt: u64) -> u64 {
    // The header's own sum is the seed, so that one pass over the body covers both.
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot_with_seed(salt, head), body)
}

/// A frame's first bytes as they were found; true or not, only the checksum tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    bytes: [u8; HEADER],
    pub(super) first: u64,
    pub(super) last: u64,
    /// Bytes behind the header.
    pub(super) length: u32,
}

impl Head {
    /// None for what cannot be the beginning of a frame in a file with this salt.
    pub(super) fn decode(bytes: [u8; HEADER], salt: u64) -> Option<Self> {
        let number = |at: usize, size: usize| {
            bytes[at..at + size].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let (first, last) = (number(8, 8), number(16, 8));
        let length = u32::try_from(number(4, 4)).ok()?;
        let plausible = bytes[0] == VERSION && first > 0 && first <= last;
        (plausible && bytes[CHECK] == check(&bytes, salt)).then_some(Self {
            bytes,
            first,
            last,
            length,
        })
    }

    /// Whether `body` is what was written behind it into a file with this salt.
    pub(super) fn matches(&self, body: &[u8], salt: u64) -> bool {
        let sum = checksum(&self.bytes[..CHECKSUM.start], body, salt);
        self.bytes[CHECKSUM] == sum.to_le_bytes()
    }

    /// The whole frame; `body` matches.
    pub(super) fn bytes(&self, body: &[u8]) -> Vec<u8> {
        [&self.bytes, body].concat()
    }

    /// The batches' sequence numbers and encoded writes; `body` matches.
    pub(super) fn batches(&self, body: &Bytes) -> Result<Vec<(u64, Bytes)>, String> {
        let malformed = |_| format!("batches {} to {} are malformed", self.first, self.last);
        let mut batches = Vec::new();
        let mut at = 0;
        for sequence in self.first..=self.last {
            let length = record::read_varint(body, &mut at).map_err(malformed)?;
            let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
            let end = end.filter(|end| *end <= body.len());
            let end = end.ok_or(record::Malformed).map_err(malformed)?;
            batches.push((sequence, body.slice(at..end)));
            at = end;
        }
        match at == body.len() {
            true => Ok(batches),
            false => Err(malformed(record::Malformed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], salt: u64) -> Option<Vec<(u64, Bytes)>> {
        let head = Head::decode(*bytes.first_chunk::<HEADER>()?, salt)?;
        let body = bytes.get(HEADER..HEADER + head.length as usize)?;
        if !head.matches(body, salt) {
            return None;
        }
        head.batches(&Bytes::copy_from_slice(body)).ok()
    }

    #[test]
    fn batches_come_back_from_their_own_file_only() {
        let mut frame = Frame::default();
        let batches: Vec<(u64, Bytes)> = [(7, 10), (8, 0), (9, 40_000)]
            .map(|(sequence, size)| (sequence, Bytes::from(vec![sequence as u8; size])))
            .into();
        batches.iter().for_each(|(sequence, records)| frame.push(*sequence, records));
        let bytes = frame.finish(11).unwrap();
        assert_eq!(read(&bytes, 11), Some(batches));
        assert_eq!(read(&bytes, 12), None);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut frame = Frame::default();
        frame.push(3, b"forty bytes of records, or about as many");
        let bytes = frame.finish(5).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                assert_eq!(read(&broken, 5), None, "byte {at}, bit {bit}");
            }
            assert_eq!(read(&bytes[..at], 5), None, "cut at {at}");
        }
    }
}
