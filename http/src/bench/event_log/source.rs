//! The events of the benchmark, and the clients that append them.
//!
//! An event has 256 bytes of data and three tags: its entity, one of 10,000 groups, one of two
//! halves. A client appends to an entity ten times, each time on condition that nothing has
//! happened to the entity since, and goes on with the next one. It is the shape that the drivers
//! for other event stores have, so that figures can stand beside each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::error::BenchError;
use super::super::subject::Subject;
use crate::log::{Append, Condition, Expected, NewEvent, Query, QueryItem, StreamAppend};
use crate::{
    AppendRequest, ConditionInput, DEFAULT_NAMESPACE, EventInput, ExpectedVersion, Payload,
    QueryInput, QueryItemInput, Rejection,
};

/// Groups of events.
pub(super) const GROUPS: u64 = 10_000;
/// Appends to an entity.
const APPENDS_AN_ENTITY: u64 = 10;
/// Bytes of an event's data, quotes included.
pub(super) const DATA_BYTES: usize = 256;
/// Where events go that have tags alone: HTTP asks what guards an append without a condition.
const PRELOADED: &str = "Measured:stored";

/// A tag that half of all events have.
pub(super) fn half(number: u64) -> String {
    format!("half:{}", number % 2)
}

/// A tag that a ten thousandth of all events have.
pub(super) fn group(number: u64) -> String {
    format!("group:{}", number % GROUPS)
}

/// Where events are appended, and what they say.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) subject: Subject,
    data: Bytes,
    payload: Payload,
    entities: Arc<AtomicU64>,
}

/// An event's tags: entity, group, half.
pub(super) type Tags = [String; 3];

/// Events by their tags, under a condition where there is one.
pub(super) struct Work {
    pub(super) events: Vec<Tags>,
    pub(super) condition: Option<(QueryItem, Option<u64>)>,
}

/// What became of an append.
pub(super) enum Outcome {
    /// The last event's position.
    Appended(u64),
    /// The condition did not hold.
    Refused,
}

impl Source {
    pub(super) fn new(subject: &Subject) -> Result<Self, BenchError> {
        let text = "x".repeat(DATA_BYTES - 2);
        let payload =
            Payload::from_value(&text).map_err(|error| BenchError::Failed(error.to_string()))?;
        let data = format!("\"{text}\"").into();
        // A server may hold the events of an earlier run.
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let first = since.unwrap_or_default().as_millis() as u64 * 1_000;
        let entities = Arc::new(AtomicU64::new(first));
        Ok(Self { subject: subject.clone(), data, payload, entities })
    }

    /// A name that no event has.
    pub(super) fn unused(&self) -> String {
        format!("entity:{}", self.entities.fetch_add(1, Ordering::Relaxed))
    }

    /// Appends, and waits until it is durable.
    pub(super) async fn append(&self, work: &Work) -> Result<Outcome, BenchError> {
        match &self.subject {
            Subject::Engine(engine) => {
                match engine.append(DEFAULT_NAMESPACE, self.in_process(work)).await {
                    Ok(appended) => Ok(Outcome::Appended(appended.written().last_position())),
                    Err(Rejection::AppendConditionFailed(_)) => Ok(Outcome::Refused),
                    Err(rejection) => Err(rejection.into()),
                }
            }
            Subject::Server(client) => {
                let (stream, request) = self.over_http(work);
                match client.append(stream, &request, None).await {
                    Ok(receipt) => {
                        let last = receipt.positions.last().copied();
                        Ok(Outcome::Appended(last.unwrap_or_default()))
                    }
                    Err(error) if error.code() == "append_condition_failed" => Ok(Outcome::Refused),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    fn in_process(&self, work: &Work) -> Append {
        let event = |tags: &Tags| NewEvent {
            tags: tags.iter().map(|tag| tag.as_str().into()).collect(),
            ..NewEvent::new("Measured", self.data.clone())
        };
        let events = work.events.iter().map(event).collect();
        let streams = vec![StreamAppend { stream: None, expected: Expected::Any, events }];
        let condition = work.condition.as_ref().map(|(item, after)| Condition {
            fail_if_events_match: Query { items: vec![item.clone()] },
            after: *after,
        });
        Append { streams, condition, ..Append::default() }
    }

    fn over_http(&self, work: &Work) -> (Option<&'static str>, AppendRequest) {
        let event = |tags: &Tags| EventInput {
            tags: tags.to_vec(),
            ..EventInput::new("Measured", self.payload.clone())
        };
        let texts = |texts: &[Box<str>]| texts.iter().map(|text| text.to_string()).collect();
        let condition = work.condition.as_ref().map(|(item, after)| {
            let item = QueryItemInput { types: texts(&item.types), tags: texts(&item.tags) };
            ConditionInput { fail_if_events_match: QueryInput { items: vec![item] }, after: *after }
        });
        let unguarded = condition.is_none();
        let request = AppendRequest {
            events: work.events.iter().map(event).collect(),
            expected_version: unguarded.then_some(ExpectedVersion::ANY),
            condition,
            ..AppendRequest::default()
        };
        (unguarded.then_some(PRELOADED), request)
    }
}

/// One client: what it appends next, and what it has seen.
pub(super) struct Writer {
    source: Source,
    events: usize,
    entity: String,
    appended: u64,
    after: Option<u64>,
}

impl Writer {
    /// A client whose appends have so many events.
    pub(super) fn new(source: &Source, events: usize) -> Self {
        let entity = source.unused();
        Self { source: source.clone(), events, entity, appended: 0, after: None }
    }

    /// Appends once; answers what that took.
    pub(super) async fn append(&mut self) -> Result<Duration, BenchError> {
        if self.appended == APPENDS_AN_ENTITY {
            (self.entity, self.appended, self.after) = (self.source.unused(), 0, None);
        }
        let tags = vec![self.entity.as_str().into()];
        let event = [self.entity.clone(), group(rand::random()), half(rand::random())];
        let work = Work {
            events: vec![event; self.events],
            condition: Some((QueryItem { types: Vec::new(), tags }, self.after)),
        };
        let from = Instant::now();
        match self.source.append(&work).await? {
            Outcome::Appended(position) => self.after = Some(position),
            Outcome::Refused => {
                return Err(BenchError::Failed("somebody else has appended".to_owned()));
            }
        }
        self.appended += 1;
        Ok(from.elapsed())
    }
}
