//! What is asked of the log, and what it answers.

use bytes::Bytes;

use super::event::{Category, Origin, StreamId};
use super::query::Condition;

/// Which version a stream must have, which is how many events it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it has: something else guards the append.
    Any,
    /// Exactly so many events; 0 for a stream that must not exist.
    Version(u64),
}

/// An event that is to be appended.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// What happened, in the past tense.
    pub event_type: Box<str>,
    /// What it says: JSON, as a rule.
    pub data: Bytes,
    /// What it is found by.
    pub tags: Vec<Box<str>>,
    /// What it is meant for.
    pub category: Category,
    /// The version of its data's shape; 0 stands for 1.
    pub schema_version: u32,
    /// What belongs together.
    pub correlation_id: Option<Box<str>>,
    /// The id of what led to it.
    pub causation_id: Option<Box<str>>,
    /// The bounded context that writes it.
    pub context: Option<Box<str>>,
    /// Who asked for it.
    pub actor: Option<Box<str>>,
    /// The trace it belongs to, as a W3C `traceparent`.
    pub trace: Option<Box<str>>,
    /// The step of a workflow that writes it.
    pub origin: Option<Origin>,
    /// A JSON object of the application's, or nothing.
    pub metadata: Bytes,
    /// It is stored once under this key, however often it is appended.
    pub idempotency_key: Option<Box<str>>,
}

impl NewEvent {
    /// An event with nothing but a type and data.
    pub fn new(event_type: impl Into<Box<str>>, data: impl Into<Bytes>) -> Self {
        Self { event_type: event_type.into(), data: data.into(), ..Self::default() }
    }

    /// The event, found by one more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Box<str>>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

/// Events for one stream, or for none.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The stream; events without one are found by their types and tags.
    pub stream: Option<StreamId>,
    /// The version it must have.
    pub expected: Expected,
    /// What is appended, in order.
    pub events: Vec<NewEvent>,
}

/// A scope and the version it must have: how many appends have touched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeExpectation {
    /// The scope's key, which is a tag of its events.
    pub scope: Box<str>,
    /// The version it must have; 0 for a scope that nothing has touched.
    pub expected: u64,
}

/// Events that are appended together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The events in the order of their positions. A stream may come again; the version that it
    /// must have is said the first time.
    pub streams: Vec<StreamAppend>,
    /// What must not have happened meanwhile.
    pub condition: Option<Condition>,
    /// The scopes that must not have moved meanwhile.
    pub scopes: Vec<ScopeExpectation>,
    /// It happens once under this key, however often it is asked for.
    pub idempotency_key: Option<Box<str>>,
    /// Names that begin with `$` or `_` are allowed: the engine's own events.
    pub reserved_names: bool,
}

impl Append {
    /// Events for one stream.
    #[must_use]
    pub fn to(stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        let streams = vec![StreamAppend { stream: Some(stream), expected, events }];
        Self { streams, ..Self::default() }
    }

    /// Events that are found by types and tags alone, under a condition.
    #[must_use]
    pub fn under(condition: Condition, events: Vec<NewEvent>) -> Self {
        let streams = vec![StreamAppend { stream: None, expected: Expected::Any, events }];
        Self { streams, condition: Some(condition), ..Self::default() }
    }

    /// All its events.
    pub fn events(&self) -> impl Iterator<Item = &NewEvent> {
        self.streams.iter().flat_map(|stream| &stream.events)
    }
}

/// Where an append's events stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The first event's position; the others follow without a gap.
    pub first_position: u64,
    /// How many events.
    pub events: u64,
}

impl Written {
    /// The last event's position.
    #[must_use]
    pub const fn last_position(&self) -> u64 {
        self.first_position + self.events.saturating_sub(1)
    }
}

/// What became of an append that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The events are in the log.
    New(Written),
    /// They were there before, under the same idempotency key.
    Duplicate(Written),
}

impl Appended {
    /// Where the events stand, whenever they were written.
    #[must_use]
    pub const fn written(&self) -> &Written {
        match self {
            Self::New(written) | Self::Duplicate(written) => written,
        }
    }
}
