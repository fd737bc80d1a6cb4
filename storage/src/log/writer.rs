//! The writer of one namespace's log.
//!
//! Invariant: it is the newest state. What the store does not have yet is kept here until it has,
//! and what it has may be forgotten at any time and is read again.

use std::collections::VecDeque;

use super::chain::EMPTY_CHAIN;
use super::coding::{push_posting, push_record};
use super::draft::{Changes, Draft};
use super::event::{Hash, RecordedEvent};
use super::fingerprint::Fingerprint;
use super::head::Head;
use super::keys::{self, APPEND_KEYS, EVENTS, KeyMap, POSTINGS, ROW, Subject, SubjectMap};
use super::reader::LogReader;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::record::{Malformed, push_varint, read_varint};
use crate::store::Snapshot;

/// Heads that are kept without need; few in tests, so that they forget.
const HEADS_KEPT: usize = if cfg!(test) { 8 } else { 1 << 17 };

/// What was appended under an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRow {
    pub(super) fingerprint: Fingerprint,
    pub(super) first_position: u64,
    pub(super) events: u64,
}

impl KeyRow {
    fn encode(&self) -> Vec<u8> {
        let mut row = self.fingerprint.to_vec();
        push_varint(&mut row, self.first_position);
        push_varint(&mut row, self.events);
        row
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let fingerprint = *row.first_chunk::<16>().ok_or(Malformed)?;
        let mut at = fingerprint.len();
        let first_position = read_varint(row, &mut at)?;
        Ok(Self { fingerprint, first_position, events: read_varint(row, &mut at)? })
    }
}

/// An event that the store does not have yet.
struct Pending {
    turn: u64,
    event: RecordedEvent,
}

/// The only writer of a namespace's events.
pub struct Log {
    namespace: Vec<u8>,
    last_position: u64,
    chain: Hash,
    heads: SubjectMap<Head>,
    /// Of a name that has no head here nothing happened after this position.
    forgotten_to: u64,
    /// In the order of their positions.
    pending: VecDeque<Pending>,
    pending_keys: KeyMap<(u64, KeyRow)>,
}

impl Log {
    /// Goes on where the store's log ends.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(snapshot: &dyn Snapshot, namespace: &str) -> Result<Self, StoreError> {
        let last = LogReader::new(snapshot, namespace).last()?;
        Ok(Self {
            namespace: keys::namespace(namespace),
            last_position: last.as_ref().map_or(0, RecordedEvent::position),
            chain: last.map_or(EMPTY_CHAIN, |event| *event.hash()),
            heads: SubjectMap::default(),
            forgotten_to: 0,
            pending: VecDeque::new(),
            pending_keys: KeyMap::default(),
        })
    }

    /// The newest event's position, whether or not it is durable.
    #[must_use]
    pub const fn last_position(&self) -> u64 {
        self.last_position
    }

    /// The store has all of it.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.pending.is_empty()
    }

    /// Appends that are decided on the newest state, one after the other, and written together.
    /// `snapshot` shows everything up to the last turn that [`Log::durable`] was told of, or more.
    #[must_use]
    pub fn draft<'a>(&'a self, snapshot: &'a dyn Snapshot, now_ms: i64) -> Draft<'a> {
        Draft::new(self, snapshot, now_ms)
    }

    pub(super) fn namespace(&self) -> &[u8] {
        &self.namespace
    }

    pub(super) const fn chain(&self) -> &Hash {
        &self.chain
    }

    pub(super) fn known_head(&self, subject: &Subject) -> Option<Head> {
        self.heads.get(subject).copied()
    }

    pub(super) const fn forgotten_to(&self) -> u64 {
        self.forgotten_to
    }

    pub(super) fn pending_key(&self, key: &str) -> Option<KeyRow> {
        self.pending_keys.get(key).map(|(_, row)| *row)
    }

    /// Events after a position that the store may not have yet.
    pub(super) fn pending(&self, after: u64) -> impl Iterator<Item = &RecordedEvent> {
        self.pending
            .iter()
            .map(|pending| &pending.event)
            .skip_while(move |event| event.position() <= after)
    }

    /// Puts what a draft has made into the batch of turn `turn`.
    pub fn accept(&mut self, changes: Changes, batch: &mut Batch, turn: u64) {
        let Changes { events, subjects, keys } = changes;
        self.write_events(&events, batch);
        let (mut key, mut row) = (self.namespace.clone(), Vec::new());
        for (subject, (before, fresh)) in subjects {
            key.truncate(self.namespace.len());
            subject.extend(&mut key);
            let after = write_postings(&mut key, &mut row, before, &fresh, batch);
            self.heads.insert(subject, after);
        }
        for (key, row) in keys {
            batch.put(APPEND_KEYS, &keys::append_key(&self.namespace, &key), &row.encode());
            self.pending_keys.insert(key, (turn, row));
        }
        if let Some(last) = events.last() {
            (self.last_position, self.chain) = (last.position(), *last.hash());
        }
        self.pending.extend(events.into_iter().map(|event| Pending { turn, event }));
    }

    fn write_events(&self, events: &[RecordedEvent], batch: &mut Batch) {
        let same_block = |one: &RecordedEvent, other: &RecordedEvent| {
            keys::block_of(one.position()) == keys::block_of(other.position())
        };
        let mut records = Vec::new();
        for block in events.chunk_by(same_block) {
            records.clear();
            block.iter().for_each(|event| push_record(&mut records, event.record(), event.hash()));
            let number = keys::block_of(block[0].position());
            batch.append(EVENTS, &keys::block(&self.namespace, number), &records);
        }
    }

    /// What was accepted up to turn `turn` can be found in the store now. Answers the newest
    /// durable position, if it moved.
    pub fn durable(&mut self, turn: u64) -> Option<u64> {
        let mut newest = None;
        while let Some(first) = self.pending.front()
            && first.turn <= turn
        {
            newest = Some(first.event.position());
            self.pending.pop_front();
        }
        if !self.pending_keys.is_empty() {
            self.pending_keys.retain(|_, (written, _)| *written > turn);
        }
        if newest.is_some() && self.heads.len() > HEADS_KEPT {
            self.forgotten_to = newest.unwrap_or_default();
            self.heads.retain(|_, head| head.last_position > self.forgotten_to);
        }
        newest
    }
}

/// Writes a subject's new postings (position, and whether an append begins there) behind those it
/// has; answers what it is then. `key` is the prefix of its rows, and `row` empty: room to work in.
fn write_postings(
    key: &mut Vec<u8>,
    row: &mut Vec<u8>,
    before: Head,
    fresh: &[(u64, bool)],
    batch: &mut Batch,
) -> Head {
    let prefix = key.len();
    let mut head = before;
    for (at, (position, begins)) in fresh.iter().enumerate() {
        let place = head.events % ROW;
        if place == 0 {
            push_varint(row, head.commits);
        }
        let last = (place > 0).then_some(head.last_position);
        push_posting(row, last, *position, *begins);
        let number = u32::try_from(head.events / ROW).unwrap_or(u32::MAX);
        head.events += 1;
        head.commits += u64::from(*begins);
        head.last_position = *position;
        if head.events.is_multiple_of(ROW) || at + 1 == fresh.len() {
            key.truncate(prefix);
            key.extend_from_slice(&number.to_be_bytes());
            batch.append(POSTINGS, key, row);
            row.clear();
        }
    }
    head
}
