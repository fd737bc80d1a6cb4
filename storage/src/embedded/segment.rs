//! The journal's values: writes of consecutive batches, with a checksum.
//!
//! ```text
//! version u8 · flags u8 · 0 [6] · first sequence u64 · last sequence u64 · xxh3-64 u64
//! then, for each batch: varint (sequence − first) · varint length · records
//! ```
//!
//! Integers are little endian; the checksum covers everything but itself. A batch that does not
//! fit is cut between two records and goes on in the next segment, which then has a flag set.
//!
//! Invariant: redb verifies no checksum on ordinary reads, so nothing is believed here before
//! ours was compared.

use bytes::Bytes;
use twox_hash::XxHash3_64;

use crate::record::{self, Records};

const VERSION: u8 = 1;
const CONTINUES: u8 = 1;
const HEADER: usize = 32;
const CHECKSUM: std::ops::Range<usize> = 24..HEADER;

/// redb rounds a value up to pages, in powers of two; this and a leaf's own bytes fit into 32 KiB.
const FULL: usize = (32 << 10) - 128;
/// At most what a batch's two varints take.
const ENTRY: usize = 20;

/// Cuts a group commit into segments.
#[derive(Default)]
pub(super) struct Segments {
    finished: Vec<Finished>,
    open: Option<Open>,
}

/// A segment that is ready to be written.
pub(super) struct Finished {
    pub(super) last: u64,
    pub(super) bytes: Vec<u8>,
}

struct Open {
    first: u64,
    last: u64,
    bytes: Vec<u8>,
}

impl Open {
    fn new(first: u64, continues: bool) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&[VERSION, if continues { CONTINUES } else { 0 }]);
        bytes.resize(HEADER, 0);
        Self { first, last: first, bytes }
    }

    fn push(&mut self, sequence: u64, records: &[u8]) {
        record::push_varint(&mut self.bytes, sequence - self.first);
        record::push_varint(&mut self.bytes, records.len() as u64);
        self.bytes.extend_from_slice(records);
        self.last = sequence;
    }

    fn room(&self) -> usize {
        FULL.saturating_sub(self.bytes.len() + ENTRY)
    }

    fn finish(mut self) -> Finished {
        self.bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        self.bytes[16..24].copy_from_slice(&self.last.to_le_bytes());
        let sum = checksum(&self.bytes);
        self.bytes[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
        Finished { last: self.last, bytes: self.bytes }
    }
}

impl Segments {
    /// Adds a batch's encoded writes.
    pub(super) fn push(&mut self, sequence: u64, mut records: &[u8]) {
        let mut open = self.open.take().unwrap_or_else(|| Open::new(sequence, false));
        let mut continues = false;
        while records.len() > open.room() {
            let empty = open.bytes.len() == HEADER;
            let fitting = fitting(records, open.room(), empty);
            if fitting == records.len() {
                break;
            }
            if fitting > 0 {
                open.push(sequence, &records[..fitting]);
                records = &records[fitting..];
                continues = true;
            }
            self.finished.push(open.finish());
            open = Open::new(sequence, continues);
        }
        open.push(sequence, records);
        self.open = Some(open);
    }

    /// The segments of everything that was pushed.
    pub(super) fn finish(mut self) -> Vec<Finished> {
        self.finished.extend(self.open.map(Open::finish));
        self.finished
    }
}

/// How many bytes of whole records fit into `room`; at least one record if `forced`.
fn fitting(bytes: &[u8], room: usize, forced: bool) -> usize {
    let mut records = Records::new(bytes);
    let mut end = 0;
    while let Some(Ok(_)) = records.next() {
        if records.position() > room && !(forced && end == 0) {
            break;
        }
        end = records.position();
    }
    end
}

fn checksum(segment: &[u8]) -> u64 {
    let (head, body) = (&segment[..CHECKSUM.start], &segment[HEADER..]);
    // The header's own sum is the seed, so that one pass over the body covers both.
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(head), body)
}

/// A segment that was read back, and is what was written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Its first batch began in the segment before.
    pub(super) continues: bool,
    body: Bytes,
}

impl Segment {
    /// Checks the header and the checksum.
    pub(super) fn decode(bytes: &Bytes) -> Result<Self, String> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(format!("{} bytes are no segment", bytes.len()));
        };
        if header[0] != VERSION {
            return Err(format!("segment version {} is unknown", header[0]));
        }
        let number = |at: usize| {
            header[at..at + 8].iter().rev().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        let (expected, found) = (number(CHECKSUM.start), checksum(bytes));
        if expected != found {
            return Err(format!("segment checksum is {found:016x}, written was {expected:016x}"));
        }
        let (first, last, continues) = (number(8), number(16), header[1] & CONTINUES != 0);
        Ok(Self { first, last, continues, body: bytes.slice(HEADER..) })
    }

    /// The batches' sequence numbers and encoded writes.
    pub(super) fn batches(&self) -> Result<Vec<(u64, Bytes)>, String> {
        let malformed = |_| format!("segment {} to {} is malformed", self.first, self.last);
        let mut batches = Vec::new();
        let mut at = 0;
        let mut previous = self.first;
        while at < self.body.len() {
            let offset = record::read_varint(&self.body, &mut at).map_err(malformed)?;
            let length = record::read_varint(&self.body, &mut at).map_err(malformed)?;
            let sequence = self.first.saturating_add(offset);
            let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
            let end = end.filter(|end| *end <= self.body.len());
            let end = end.ok_or(record::Malformed).map_err(malformed)?;
            let follows =
                if batches.is_empty() { sequence == self.first } else { sequence == previous + 1 };
            if !follows {
                return Err(format!("batch {sequence} follows batch {previous} in a segment"));
            }
            batches.push((sequence, self.body.slice(at..end)));
            previous = sequence;
            at = end;
        }
        if previous != self.last {
            return Err(format!("segment ends at batch {previous}, its header says {}", self.last));
        }
        Ok(batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(records: usize, value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for n in 0..records {
            record::push(&mut bytes, record::PUT, 1, &n.to_be_bytes(), &vec![n as u8; value]);
        }
        bytes
    }

    fn read_back(finished: Vec<Finished>) -> Vec<(u64, Vec<u8>)> {
        let mut batches: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut end = None;
        for segment in finished {
            let segment = Segment::decode(&segment.bytes.into()).expect("just written");
            assert_eq!(end, end.map(|_| segment.first - u64::from(!segment.continues)));
            end = Some(segment.last);
            for (sequence, records) in segment.batches().expect("just written") {
                match batches.last_mut() {
                    Some((last, bytes)) if *last == sequence => bytes.extend_from_slice(&records),
                    _ => batches.push((sequence, records.to_vec())),
                }
            }
        }
        batches
    }

    #[test]
    fn batches_of_every_size_come_back_from_segments_that_fit_their_pages() {
        let sizes = [(1, 10), (400, 250), (1, 40_000), (3, 20_000), (1, FULL), (200, 1), (5, 9000)];
        let mut segments = Segments::default();
        let mut written = Vec::new();
        for (sequence, (records, value)) in (7u64..).zip(sizes) {
            let bytes = batch(records, value);
            segments.push(sequence, &bytes);
            written.push((sequence, bytes));
        }
        let finished = segments.finish();
        let above = finished.iter().filter(|segment| segment.bytes.len() > FULL).count();
        assert_eq!(above, 2, "only a record that is too long alone makes a long segment");
        assert_eq!(finished.last().map(|segment| segment.last), Some(13));
        assert_eq!(read_back(finished), written);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut segments = Segments::default();
        segments.push(3, &batch(2, 20));
        let [segment] = &segments.finish()[..] else { panic!("one segment") };
        for at in 0..segment.bytes.len() {
            for bit in 0..8 {
                let mut broken = segment.bytes.clone();
                broken[at] ^= 1 << bit;
                assert!(Segment::decode(&broken.into()).is_err(), "byte {at}, bit {bit}");
            }
        }
        for cut in 0..segment.bytes.len() {
            let short = Bytes::copy_from_slice(&segment.bytes[..cut]);
            assert!(Segment::decode(&short).is_err(), "cut at {cut}");
        }
    }
}
