//! The bytes of records and of postings.
//!
//! A record: `varint length · body · hash`. A row of postings: `varint appends before the row`,
//! then for each posting `varint distance to the posting before · one bit: an append begins`; the
//! first one's distance is its position.
//!
//! Invariant: decoding what was encoded gives it back; decoding anything else gives it or
//! [`Malformed`], never a panic.

use bytes::Bytes;

use super::append::NewEvent;
use super::event::{Category, Hash, RecordedEvent, Span, StreamId, Texts};
use super::head::Head;
use crate::record::{Malformed, push_varint, read_varint};

pub(super) fn push_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// What the log adds to an event.
pub(super) struct Place<'a> {
    pub(super) stream: Option<&'a StreamId>,
    pub(super) version: u64,
    pub(super) recorded_at_ms: i64,
}

/// The body of a record.
pub(super) fn encode(event: &NewEvent, place: &Place<'_>, into: &mut Vec<u8>) {
    into.reserve(event.data.len() + event.metadata.len() + 192);
    push_varint(into, u64::try_from(place.recorded_at_ms).unwrap_or_default());
    push_varint(into, place.version);
    push_varint(into, u64::from(event.schema_version.max(1)));
    into.push(event.category.number());
    let (kind, id) = place.stream.map_or(("", ""), |stream| (&*stream.stream_type, &*stream.id));
    for text in [kind, id, &event.event_type] {
        push_bytes(into, text.as_bytes());
    }
    let tags: usize = event.tags.iter().map(|tag| tag.len() + 1).sum();
    push_varint(into, tags as u64);
    for tag in &event.tags {
        into.extend_from_slice(tag.as_bytes());
        into.push(0);
    }
    let optional =
        [&event.correlation_id, &event.causation_id, &event.context, &event.actor, &event.trace];
    for text in optional {
        push_bytes(into, text.as_deref().unwrap_or_default().as_bytes());
    }
    match &event.origin {
        Some(origin) => {
            push_bytes(into, origin.workflow_id.as_bytes());
            push_bytes(into, origin.run_id.as_bytes());
            push_varint(into, u64::from(origin.activity_id));
        }
        None => into.extend_from_slice(&[0, 0, 0]),
    }
    push_bytes(into, &event.metadata);
    push_bytes(into, &event.data);
}

/// Puts a body and its hash into a block.
pub(super) fn push_record(block: &mut Vec<u8>, body: &[u8], hash: &Hash) {
    block.reserve(body.len() + hash.len() + 5);
    push_bytes(block, body);
    block.extend_from_slice(hash);
}

/// Reads the parts of one body.
struct Parts<'a> {
    body: &'a [u8],
    at: usize,
}

impl Parts<'_> {
    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(read_varint(self.body, &mut self.at)?).map_err(|_| Malformed)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.body.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn span(&mut self) -> Result<Span, Malformed> {
        let length: usize = self.number()?;
        let start = self.at;
        self.at =
            start.checked_add(length).filter(|end| *end <= self.body.len()).ok_or(Malformed)?;
        let bound = |at: usize| u32::try_from(at).map_err(|_| Malformed);
        Ok(Span { start: bound(start)?, end: bound(self.at)? })
    }
}

/// The event of a body.
pub(super) fn decode(position: u64, body: Bytes, hash: Hash) -> Result<RecordedEvent, Malformed> {
    let mut parts = Parts { body: &body, at: 0 };
    let recorded_at_ms = parts.number()?;
    let version = parts.number()?;
    let schema_version = parts.number()?;
    let category = Category::numbered(parts.byte()?).ok_or(Malformed)?;
    let mut texts = Texts {
        stream_type: parts.span()?,
        stream_id: parts.span()?,
        event_type: parts.span()?,
        tags: parts.span()?,
        correlation_id: parts.span()?,
        causation_id: parts.span()?,
        context: parts.span()?,
        actor: parts.span()?,
        trace: parts.span()?,
        workflow_id: parts.span()?,
        run_id: parts.span()?,
        ..Texts::default()
    };
    let activity_id = parts.number()?;
    texts.metadata = parts.span()?;
    texts.data = parts.span()?;
    if parts.at != body.len() {
        return Err(Malformed);
    }
    Ok(RecordedEvent {
        body,
        position,
        recorded_at_ms,
        version,
        schema_version,
        category,
        activity_id,
        texts,
        hash,
    })
}

/// The records of a block, in order; the first one has position `first`.
pub(super) struct Block {
    bytes: Bytes,
    at: usize,
    next: u64,
}

impl Block {
    pub(super) fn new(bytes: Bytes, first: u64) -> Self {
        Self { bytes, at: 0, next: first }
    }

    /// Where the next record's parts lie.
    fn next_parts(&mut self) -> Result<(std::ops::Range<usize>, Hash), Malformed> {
        let length = read_varint(&self.bytes, &mut self.at)?;
        let start = self.at;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let end = end.ok_or(Malformed)?;
        let hash = self.bytes.get(end..).and_then(<[u8]>::first_chunk::<32>).ok_or(Malformed)?;
        self.at = end + 32;
        self.next += 1;
        Ok((start..end, *hash))
    }

    /// Passes over a record without decoding it.
    pub(super) fn pass(&mut self) -> Result<(), Malformed> {
        self.next_parts().map(drop)
    }

    /// The position of the record that comes next, if there is one.
    pub(super) const fn next_position(&self) -> u64 {
        self.next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The position of the last record; no record is decoded for it.
    pub(super) fn last_position(mut self) -> Result<u64, Malformed> {
        while !self.is_empty() {
            self.pass()?;
        }
        Ok(self.next - 1)
    }
}

impl Iterator for Block {
    type Item = Result<RecordedEvent, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_empty() {
            return None;
        }
        let position = self.next;
        let parts = self.next_parts();
        if parts.is_err() {
            self.at = self.bytes.len();
        }
        Some(parts.and_then(|(body, hash)| decode(position, self.bytes.slice(body), hash)))
    }
}

/// Adds a posting to the end of a row. `before` is the posting before it in the row, if any.
pub(super) fn push_posting(
    row: &mut Vec<u8>,
    before: Option<u64>,
    position: u64,
    begins_append: bool,
) {
    let distance = position - before.unwrap_or_default();
    push_varint(row, distance << 1 | u64::from(begins_append));
}

/// The positions of a row of postings, ascending.
pub(super) fn decode_row(bytes: &[u8]) -> Result<Vec<u64>, Malformed> {
    let (mut at, mut positions, mut position) = (0, Vec::new(), 0u64);
    read_varint(bytes, &mut at)?;
    while at < bytes.len() {
        let posting = read_varint(bytes, &mut at)?;
        position = position.checked_add(posting >> 1).ok_or(Malformed)?;
        positions.push(position);
    }
    Ok(positions)
}

/// What a subject is that has this row and none after it; its events are the row's own.
pub(super) fn head_of_row(bytes: &[u8]) -> Result<Head, Malformed> {
    let mut at = 0;
    let mut head = Head { commits: read_varint(bytes, &mut at)?, ..Head::default() };
    while at < bytes.len() {
        let posting = read_varint(bytes, &mut at)?;
        let distance = posting >> 1;
        head.last_position = head.last_position.checked_add(distance).ok_or(Malformed)?;
        head.commits = head.commits.checked_add(posting & 1).ok_or(Malformed)?;
        head.events += 1;
    }
    Ok(head)
}

/// A row's first position.
pub(super) fn first_of_row(bytes: &[u8]) -> Result<u64, Malformed> {
    let mut at = 0;
    read_varint(bytes, &mut at)?;
    Ok(read_varint(bytes, &mut at)? >> 1)
}
