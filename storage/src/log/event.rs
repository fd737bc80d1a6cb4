//! One event as it stands in the log.
//!
//! Invariant: it borrows nothing and copies nothing: its texts are parts of the row it was read
//! from.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::append::NewEvent;
use super::coding::{Place, decode, encode, push_bytes};

/// SHA-256 over the hash before, the position and the record.
pub type Hash = [u8; 32];

/// What an event is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Category {
    /// A fact of its own bounded context.
    #[default]
    Domain,
    /// A fact told to other contexts, under a contract.
    Integration,
    /// It says that something happened and nothing about it.
    Trigger,
    /// It carries all that a consumer needs.
    Fat,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 4] = [Self::Domain, Self::Integration, Self::Trigger, Self::Fat];

    /// Its name: `domain`, `integration`, `trigger` or `fat`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Integration => "integration",
            Self::Trigger => "trigger",
            Self::Fat => "fat",
        }
    }

    /// The category of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    pub(super) const fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which stream: a kind of entity and one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The kind of entity, such as `Order`.
    pub stream_type: Box<str>,
    /// Which one, such as `ord-123`.
    pub id: Box<str>,
}

impl StreamId {
    /// The stream of one entity.
    pub fn new(stream_type: impl Into<Box<str>>, id: impl Into<Box<str>>) -> Self {
        Self { stream_type: stream_type.into(), id: id.into() }
    }
}

/// The type of a stream whose name says none.
const PLAIN: &str = "stream";

/// `Order:ord-123`; a name without `:` is the id of a stream of type `stream`.
impl From<&str> for StreamId {
    fn from(name: &str) -> Self {
        match name.split_once(':') {
            Some((kind, id)) => Self::new(kind, id),
            None => Self::new(PLAIN, name),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        StreamName { stream_type: &self.stream_type, id: &self.id }.fmt(f)
    }
}

/// The name of a stream, borrowed from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamName<'a> {
    /// The kind of entity.
    pub stream_type: &'a str,
    /// Which one.
    pub id: &'a str,
}

impl fmt::Display for StreamName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream_type == PLAIN && !self.id.contains(':') {
            true => f.write_str(self.id),
            false => write!(f, "{}:{}", self.stream_type, self.id),
        }
    }
}

/// The step of a workflow that wrote an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The workflow's id.
    pub workflow_id: Box<str>,
    /// The run's id.
    pub run_id: Box<str>,
    /// The activity of the run.
    pub activity_id: u32,
}

/// An event with its place in the log.
#[derive(Clone)]
pub struct RecordedEvent {
    pub(super) body: Bytes,
    pub(super) position: u64,
    pub(super) recorded_at_ms: i64,
    pub(super) version: u64,
    pub(super) schema_version: u32,
    pub(super) category: Category,
    pub(super) activity_id: u32,
    pub(super) texts: Texts,
    pub(super) hash: Hash,
}

/// The place of an event in a log that is elsewhere.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// Its stream, unless it belongs to none.
    pub stream: Option<StreamId>,
    /// Its place among all events.
    pub position: u64,
    /// Its place in the stream.
    pub version: u64,
    /// When it was appended, in milliseconds since 1970.
    pub recorded_at_ms: i64,
    /// The hash of it and everything before it.
    pub hash: &'a Hash,
}

/// Where an event's parts lie in its record.
#[derive(Clone, Default)]
pub(super) struct Texts {
    pub(super) stream_type: Span,
    pub(super) stream_id: Span,
    pub(super) event_type: Span,
    pub(super) tags: Span,
    pub(super) correlation_id: Span,
    pub(super) causation_id: Span,
    pub(super) context: Span,
    pub(super) actor: Span,
    pub(super) trace: Span,
    pub(super) workflow_id: Span,
    pub(super) run_id: Span,
    pub(super) metadata: Span,
    pub(super) data: Span,
}

/// A part of a record.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl RecordedEvent {
    /// Whether what should be texts are.
    pub(super) fn has_texts(&self) -> bool {
        let Texts {
            stream_type,
            stream_id,
            event_type,
            tags,
            correlation_id,
            causation_id,
            context,
            actor,
            trace,
            workflow_id,
            run_id,
            metadata: _,
            data: _,
        } = &self.texts;
        let names = [stream_type, stream_id, event_type, tags, correlation_id, causation_id];
        let others = [context, actor, trace, workflow_id, run_id];
        let mut texts = names.into_iter().chain(others);
        texts.all(|span| std::str::from_utf8(&self.body[span.range()]).is_ok())
    }

    fn text(&self, span: Span) -> &str {
        // Records are written from texts; what a store or a server gives back otherwise has been
        // refused before.
        std::str::from_utf8(&self.body[span.range()]).unwrap_or_default()
    }

    fn given(&self, span: Span) -> Option<&str> {
        Some(self.text(span)).filter(|text| !text.is_empty())
    }

    /// Its place in the order of all events of its namespace, from 1.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// When it was appended, in milliseconds since 1970.
    #[must_use]
    pub const fn recorded_at_ms(&self) -> i64 {
        self.recorded_at_ms
    }

    /// Its place in its stream, from 1; 0 for an event without one.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its stream, unless it belongs to none.
    #[must_use]
    pub fn stream(&self) -> Option<StreamId> {
        self.stream_name().map(|StreamName { stream_type, id }| StreamId::new(stream_type, id))
    }

    /// The same, borrowed.
    #[must_use]
    pub fn stream_name(&self) -> Option<StreamName<'_>> {
        let stream_type = self.given(self.texts.stream_type)?;
        Some(StreamName { stream_type, id: self.text(self.texts.stream_id) })
    }

    /// The kind of entity, empty without a stream.
    #[must_use]
    pub fn stream_type(&self) -> &str {
        self.text(self.texts.stream_type)
    }

    /// The entity, empty without a stream.
    #[must_use]
    pub fn stream_id(&self) -> &str {
        self.text(self.texts.stream_id)
    }

    /// What happened, such as `OrderSubmitted`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.text(self.texts.event_type)
    }

    /// The version of its data's shape, from 1.
    #[must_use]
    pub const fn schema_version(&self) -> u32 {
        self.schema_version
    }

    /// What it is meant for.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.category
    }

    /// What it is found by, in the order in which it was given.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let tags = &self.body[self.texts.tags.range()];
        tags.split(|byte| *byte == 0)
            .filter(|tag| !tag.is_empty())
            .map(|tag| std::str::from_utf8(tag).unwrap_or_default())
    }

    /// What belongs together.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.given(self.texts.correlation_id)
    }

    /// The id of what led to it.
    #[must_use]
    pub fn causation_id(&self) -> Option<&str> {
        self.given(self.texts.causation_id)
    }

    /// The bounded context that wrote it.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.given(self.texts.context)
    }

    /// Who asked for it.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        self.given(self.texts.actor)
    }

    /// The trace it belongs to, as a W3C `traceparent`.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.given(self.texts.trace)
    }

    /// The step of a workflow that wrote it.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        let workflow_id = self.given(self.texts.workflow_id)?.into();
        let run_id = self.text(self.texts.run_id).into();
        Some(Origin { workflow_id, run_id, activity_id: self.activity_id })
    }

    /// What the application wrote beside the data: a JSON object, or nothing.
    #[must_use]
    pub fn metadata(&self) -> &[u8] {
        &self.body[self.texts.metadata.range()]
    }

    /// The same, sharing the record's memory.
    #[must_use]
    pub fn metadata_bytes(&self) -> Bytes {
        self.body.slice(self.texts.metadata.range())
    }

    /// What it says, as its writer encoded it.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.body[self.texts.data.range()]
    }

    /// What it says, sharing the record's memory.
    #[must_use]
    pub fn data_bytes(&self) -> Bytes {
        self.body.slice(self.texts.data.range())
    }

    /// The same event with other data, of another version of its shape, for a reader that knows
    /// only that one. Its hash is still the one of what is stored, its record is not.
    #[must_use]
    pub fn read_as(&self, schema_version: u32, data: &[u8]) -> Self {
        let before = &self.body[..self.texts.metadata.range().end];
        let mut body = Vec::with_capacity(before.len() + data.len() + 5);
        body.extend_from_slice(before);
        push_bytes(&mut body, data);
        let bound = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let data = Span { start: bound(body.len() - data.len()), end: bound(body.len()) };
        let texts = Texts { data, ..self.texts.clone() };
        Self { body: body.into(), schema_version, texts, ..self.clone() }
    }

    /// An event as a reader far from the log has been told of it: what it says, and its place there.
    /// None where that is no event.
    #[must_use]
    pub fn told(event: &NewEvent, at: &Told<'_>) -> Option<Self> {
        let Told { stream, position, version, recorded_at_ms, hash } = at;
        let (version, recorded_at_ms) = (*version, *recorded_at_ms);
        let mut body = Vec::new();
        encode(event, &Place { stream: stream.as_ref(), version, recorded_at_ms }, &mut body);
        decode(*position, body.into(), **hash).ok()
    }

    /// What everything but the hash is made of: never changes once it is appended.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        &self.body
    }

    /// The hash of it and everything before it.
    #[must_use]
    pub const fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Its id: a version 7 UUID (RFC 9562) of the time and 74 bits of the hash, so that nothing
    /// needs to be stored for it.
    #[must_use]
    pub fn event_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&self.recorded_at_ms.to_be_bytes()[2..]);
        id[6..].copy_from_slice(&self.hash[..10]);
        id[6] = id[6] & 0x0f | 0x70;
        id[8] = id[8] & 0x3f | 0x80;
        id
    }
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedEvent")
            .field("position", &self.position)
            .field("event_type", &self.event_type())
            .field("stream", &format_args!("{}:{}", self.stream_type(), self.stream_id()))
            .field("version", &self.version)
            .field("data", &String::from_utf8_lossy(self.data()))
            .finish_non_exhaustive()
    }
}

impl PartialEq for RecordedEvent {
    fn eq(&self, other: &Self) -> bool {
        (self.position, self.hash, &self.body) == (other.position, other.hash, &other.body)
    }
}
