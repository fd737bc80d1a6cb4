//! The log's tables and the layout of their keys.
//!
//! Invariant: names hold no control characters (`validate`), so a zero byte ends a name, and no
//! subject's rows lie between another one's.

use std::collections::HashMap;

use bytes::Bytes;

use crate::table::Table;

/// Events in blocks of consecutive positions.
pub(super) const EVENTS: Table = Table::new(100, "events");
/// Positions by subject.
pub(super) const POSTINGS: Table = Table::new(101, "postings");
/// Appends by idempotency key.
pub(super) const APPEND_KEYS: Table = Table::new(102, "append_keys");

/// Positions in a block: small enough that reading one event reads little else, and large enough
/// that there are few rows to find it among.
pub(super) const BLOCK: u64 = 4;
/// Postings in a row.
pub(super) const ROW: u64 = 512;

const STREAM: u8 = 1;
const TAG: u8 = 2;
const TYPE: u8 = 3;
const CORRELATION: u8 = 4;

/// Length first, so that no namespace is a prefix of another one's keys.
pub(super) fn namespace(namespace: &str) -> Vec<u8> {
    let length = u8::try_from(namespace.len()).unwrap_or(u8::MAX);
    let mut key = Vec::with_capacity(32);
    key.push(length);
    key.extend_from_slice(&namespace.as_bytes()[..usize::from(length)]);
    key
}

/// The block in which a position lies; positions begin at 1.
pub(super) fn block_of(position: u64) -> u64 {
    position.saturating_sub(1) / BLOCK
}

pub(super) fn block(namespace: &[u8], number: u64) -> Vec<u8> {
    [namespace, &number.to_be_bytes()].concat()
}

/// The keys of many blocks, in memory that they share.
pub(super) fn blocks(namespace: &[u8], numbers: &[u64]) -> Vec<Bytes> {
    let length = namespace.len() + size_of::<u64>();
    let mut keys = Vec::with_capacity(numbers.len() * length);
    for number in numbers {
        keys.extend_from_slice(namespace);
        keys.extend_from_slice(&number.to_be_bytes());
    }
    let keys = Bytes::from(keys);
    (0..numbers.len()).map(|at| keys.slice(at * length..(at + 1) * length)).collect()
}

/// The number at the end of a block's key.
pub(super) fn block_number(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|number| u64::from_be_bytes(*number))
}

pub(super) fn append_key(namespace: &[u8], key: &str) -> Vec<u8> {
    [namespace, key.as_bytes()].concat()
}

/// A name under which events are found, as it stands in keys between namespace and row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Subject(Box<[u8]>);

impl Subject {
    fn new(kind: u8, parts: &[&str]) -> Self {
        let length = parts.iter().map(|part| part.len() + 1).sum::<usize>();
        let mut bytes = Vec::with_capacity(length + 1);
        bytes.push(kind);
        for part in parts {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        Self(bytes.into_boxed_slice())
    }

    pub(super) fn stream(stream_type: &str, id: &str) -> Self {
        Self::new(STREAM, &[stream_type, id])
    }

    pub(super) fn tag(tag: &str) -> Self {
        Self::new(TAG, &[tag])
    }

    pub(super) fn event_type(event_type: &str) -> Self {
        Self::new(TYPE, &[event_type])
    }

    pub(super) fn correlation(id: &str) -> Self {
        Self::new(CORRELATION, &[id])
    }

    /// Puts it behind the namespace, as the prefix of its rows.
    pub(super) fn extend(&self, namespace: &mut Vec<u8>) {
        namespace.extend_from_slice(&self.0);
    }

    /// The prefix of its rows.
    pub(super) fn rows(&self, namespace: &[u8]) -> Vec<u8> {
        [namespace, &self.0].concat()
    }
}

/// What is known by subject; names come from outside, so the hash is seeded.
pub(super) type SubjectMap<T> = HashMap<Subject, T, foldhash::fast::RandomState>;
/// What is known by idempotency key.
pub(super) type KeyMap<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// A row of postings.
pub(super) fn row(subject: &[u8], number: u32) -> Vec<u8> {
    [subject, &number.to_be_bytes()].concat()
}

/// The number at the end of a row's key.
pub(super) fn row_number(key: &[u8]) -> Option<u32> {
    key.last_chunk::<4>().map(|number| u32::from_be_bytes(*number))
}

/// The prefix of all streams whose type begins so, of all tags, or of all types.
pub(super) fn streams(namespace: &[u8], stream_type: &str) -> Vec<u8> {
    [namespace, &[STREAM], stream_type.as_bytes()].concat()
}

pub(super) fn tags(namespace: &[u8], prefix: &str) -> Vec<u8> {
    [namespace, &[TAG], prefix.as_bytes()].concat()
}

pub(super) fn types(namespace: &[u8]) -> Vec<u8> {
    [namespace, &[TYPE][..]].concat()
}

/// The names of the subject that a row's key belongs to.
pub(super) fn names<'a>(namespace: &[u8], key: &'a [u8]) -> Option<Vec<&'a str>> {
    let subject = key.get(namespace.len() + 1..key.len().checked_sub(4)?)?;
    let subject = subject.strip_suffix(&[0])?;
    subject.split(|byte| *byte == 0).map(|name| std::str::from_utf8(name).ok()).collect()
}
