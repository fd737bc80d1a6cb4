//! What a subscription is told when it is made: which events, in which lanes, and its bounds.
//!
//! Invariant: what is stored has been checked. Every bound has a most, so that whatever one
//! transaction writes about a subscription fits into one.

use std::fmt;

use everstep_engine::log::{Query, QueryItem, RecordedEvent};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SubscriptionError;

/// The most events that are handed out and not settled, whatever a subscription asks for.
pub const MOST_IN_FLIGHT: usize = 2_000;
/// The most events that a subscription may park.
pub const MOST_PARKED: usize = 2_000;
/// The longest that an event is handed out for.
const LONGEST_LEASE_MS: u64 = 12 * 60 * 60 * 1_000;
/// The longest pause between two tries.
const LONGEST_BACKOFF_MS: u64 = 24 * 60 * 60 * 1_000;

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = SubscriptionFilter))]
pub struct EventFilter {
    /// One of these types; any when empty.
    pub types: Vec<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// In a stream of one of these types; any, or none, when empty.
    pub stream_types: Vec<String>,
}

impl EventFilter {
    /// What the log can be asked for; [`EventFilter::matches`] decides.
    pub(super) fn query(&self) -> Query {
        if self.types.is_empty() && self.tags.is_empty() {
            return Query::all();
        }
        let all = |names: &[String]| names.iter().map(|name| name.as_str().into()).collect();
        Query { items: vec![QueryItem { types: all(&self.types), tags: all(&self.tags) }] }
    }

    /// Whether an event that the log gave for the query is one of these.
    pub(super) fn matches(&self, event: &RecordedEvent) -> bool {
        self.stream_types.is_empty()
            || self.stream_types.iter().any(|wanted| wanted == event.stream_type())
    }
}

/// Which events keep their order among each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Partition {
    /// Those of one stream.
    #[default]
    Stream,
    /// Those whose first tag `PREFIX:…` is the same. Events without such a tag keep the order of
    /// their stream.
    Tag(String),
}

impl Partition {
    /// The lane of an event. One without stream and tag has a lane of its own.
    pub(super) fn key(&self, event: &RecordedEvent) -> String {
        if let Self::Tag(prefix) = self {
            let found = event.tags().find(|tag| {
                tag.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with(':'))
            });
            if let Some(tag) = found {
                return tag.to_owned();
            }
        }
        event.stream().map_or_else(|| format!("#{}", event.position()), |id| id.to_string())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream => f.write_str("stream"),
            Self::Tag(prefix) => write!(f, "tag:{prefix}"),
        }
    }
}

impl Serialize for Partition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Partition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "stream" => Ok(Self::Stream),
            other => match other.strip_prefix("tag:").filter(|prefix| !prefix.is_empty()) {
                Some(prefix) => Ok(Self::Tag(prefix.trim_end_matches(':').to_owned())),
                None => Err(serde::de::Error::custom(format!(
                    "`partition_by` is `stream` or `tag:PREFIX`, found `{other}`"
                ))),
            },
        }
    }
}

/// Where a new subscription begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StartFrom {
    /// With the first event, or behind the newest one.
    Named(NamedStart),
    /// Behind this position.
    After(u64),
    /// With the first event.
    #[default]
    #[serde(skip)]
    Absent,
}

/// A place that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedStart {
    /// With the first event.
    Beginning,
    /// Behind the newest event.
    Now,
}

/// What becomes of a lane one of whose events is parked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnPark {
    /// Its later events wait behind the parked one, in the parked list, until that is replayed or
    /// discarded; other lanes go on.
    #[default]
    Hold,
    /// It goes on with its next event.
    Continue,
}

/// A subscription's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SubscriptionSettings {
    /// Which events.
    pub filter: EventFilter,
    /// Which of them keep their order: those of a `stream`, or of one tag `tag:PREFIX`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub partition_by: Partition,
    /// Where it begins: `beginning`, `now`, or behind a position.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    #[serde(skip_serializing_if = "is_absent")]
    pub start: StartFrom,
    /// For how long an event is handed out, unless the consumer asks for another time.
    pub lease_ms: u64,
    /// How often an event is handed out before it is parked.
    pub max_attempts: u32,
    /// The pause after the first refusal; it doubles each time.
    pub backoff_ms: u64,
    /// The longest pause.
    pub max_backoff_ms: u64,
    /// How many events may be handed out and not settled at once.
    pub max_in_flight: usize,
    /// How many may be parked. A full list parks no more: what would be parked is tried on.
    pub max_parked: usize,
    /// What becomes of the lane of a parked event.
    pub on_park: OnPark,
    /// Without progress for so long, a subscription that has something to do is stalled.
    pub stall_after_ms: u64,
}

fn is_absent(start: &StartFrom) -> bool {
    *start == StartFrom::Absent
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            filter: EventFilter::default(),
            partition_by: Partition::Stream,
            start: StartFrom::Absent,
            lease_ms: 30_000,
            max_attempts: 10,
            backoff_ms: 1_000,
            max_backoff_ms: 60_000,
            max_in_flight: 500,
            max_parked: 1_000,
            on_park: OnPark::Hold,
            stall_after_ms: 60_000,
        }
    }
}

impl SubscriptionSettings {
    /// Refuses a name or settings that cannot be.
    pub(super) fn check(&self, name: &str) -> Result<(), SubscriptionError> {
        let wrong =
            |reason: String| Err(SubscriptionError::Invalid { name: name.to_owned(), reason });
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty()
            || name.len() > 128
            || !name.chars().all(named)
            || [".", ".."].contains(&name)
        {
            return wrong("a name has 1 to 128 letters, digits, `-`, `_` and `.`".to_owned());
        }
        let texts = [&self.filter.types, &self.filter.tags, &self.filter.stream_types];
        if texts.iter().any(|texts| texts.len() > 100 || texts.iter().any(String::is_empty)) {
            return wrong(
                "a filter has at most 100 types, tags and stream types, none empty".into(),
            );
        }
        for (field, value, most) in [
            ("lease_ms", self.lease_ms, LONGEST_LEASE_MS),
            ("max_attempts", u64::from(self.max_attempts), 1_000),
            ("backoff_ms", self.backoff_ms, LONGEST_BACKOFF_MS),
            ("max_backoff_ms", self.max_backoff_ms, LONGEST_BACKOFF_MS),
            ("max_in_flight", self.max_in_flight as u64, MOST_IN_FLIGHT as u64),
            ("max_parked", self.max_parked as u64, MOST_PARKED as u64),
            ("stall_after_ms", self.stall_after_ms, LONGEST_BACKOFF_MS),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(format!("`{field}` is 1 to {most}, found {value}"));
            }
        }
        Ok(())
    }

    /// The pause after a refusal, `tries` of which there were.
    pub(super) fn backoff(&self, tries: u32) -> u64 {
        let doubled = tries.saturating_sub(1).min(32);
        self.backoff_ms.saturating_mul(1 << doubled).min(self.max_backoff_ms)
    }
}
