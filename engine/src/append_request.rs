//! An append as it comes in JSON.
//!
//! Invariant: every append says what guards it, an expected version, a condition or a scope, or
//! says that nothing does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::log::{
    Append, Category, Condition, Expected, NewEvent, Query, QueryItem, ScopeExpectation, ScopeKey,
    StreamAppend, StreamId,
};
use crate::{Payload, Rejection};

/// The version that a stream must have: a number, or `"any"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ExpectedVersion {
    /// So many events; 0 for a stream that must not exist.
    Exactly(u64),
    /// `"any"`.
    Any(AnyVersion),
}

/// Whatever version the stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnyVersion {
    /// `"any"`.
    Any,
}

impl ExpectedVersion {
    /// Whatever version the stream has.
    pub const ANY: Self = Self::Any(AnyVersion::Any);
}

impl From<ExpectedVersion> for Expected {
    fn from(expected: ExpectedVersion) -> Self {
        match expected {
            ExpectedVersion::Exactly(version) => Self::Version(version),
            ExpectedVersion::Any(AnyVersion::Any) => Self::Any,
        }
    }
}

/// An event that is to be appended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventInput {
    /// What happened, in the past tense.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it says; `null` when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Payload,
    /// What it is found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its stream, `Type:id`; where the path names one, that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// `domain` (when absent), `integration`, `trigger` or `fat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The version of its data's shape; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// What belongs together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The id of what led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// A JSON object of the application's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// The event is stored once under this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Which events: at least one item matches.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QueryInput {
    /// The alternatives; none: every event.
    #[serde(default)]
    pub items: Vec<QueryItemInput>,
}

/// Events that have one of the types and all of the tags.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QueryItemInput {
    /// One of these; none: any.
    #[serde(default)]
    pub types: Vec<String>,
    /// All of these.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// No event may match the query after the position.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConditionInput {
    /// What must not be there.
    pub fail_if_events_match: QueryInput,
    /// The last position that is known; without it, no event at all may match.
    #[serde(default)]
    pub after: Option<u64>,
}

/// Events that are appended together or not at all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AppendRequest {
    /// The events, in order.
    pub events: Vec<EventInput>,
    /// The version that the one stream of all events must have.
    #[serde(default)]
    pub expected_version: Option<ExpectedVersion>,
    /// The same by stream, where the events belong to several.
    #[serde(default)]
    pub expected_versions: BTreeMap<String, ExpectedVersion>,
    /// What must not have happened meanwhile.
    #[serde(default)]
    pub condition: Option<ConditionInput>,
    /// Scopes by key, with the version that each must have.
    #[serde(default)]
    pub scopes: BTreeMap<String, u64>,
}

impl From<QueryInput> for Query {
    fn from(query: QueryInput) -> Self {
        let texts = |texts: Vec<String>| texts.into_iter().map(String::into_boxed_str).collect();
        let items = query
            .items
            .into_iter()
            .map(|item| QueryItem { types: texts(item.types), tags: texts(item.tags) });
        Self { items: items.collect() }
    }
}

impl From<ConditionInput> for Condition {
    fn from(condition: ConditionInput) -> Self {
        let fail_if_events_match = condition.fail_if_events_match.into();
        Self { fail_if_events_match, after: condition.after }
    }
}

impl EventInput {
    /// An event with nothing but a type and data.
    pub fn new(event_type: impl Into<String>, data: Payload) -> Self {
        Self {
            event_type: event_type.into(),
            data,
            tags: Vec::new(),
            stream: None,
            category: None,
            schema_version: None,
            correlation_id: None,
            causation_id: None,
            metadata: None,
            idempotency_key: None,
        }
    }

    /// The event, without its stream.
    ///
    /// # Errors
    /// A category that does not exist.
    pub fn into_event(self) -> Result<NewEvent, Rejection> {
        let category = match &self.category {
            None => Category::default(),
            Some(name) => Category::named(name).ok_or_else(|| {
                let known: Vec<&str> = Category::ALL.iter().map(|of| of.name()).collect();
                let known = known.join(", ");
                Rejection::InvalidRequest(format!("category `{name}` is none of {known}"))
            })?,
        };
        let metadata = match &self.metadata {
            None => Vec::new(),
            Some(metadata) => serde_json::to_vec(metadata)
                .map_err(|error| Rejection::InvalidRequest(error.to_string()))?,
        };
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        Ok(NewEvent {
            tags: self.tags.into_iter().map(String::into_boxed_str).collect(),
            category,
            schema_version: self.schema_version.unwrap_or_default(),
            correlation_id: boxed(self.correlation_id),
            causation_id: boxed(self.causation_id),
            metadata: metadata.into(),
            idempotency_key: boxed(self.idempotency_key),
            ..NewEvent::new(self.event_type, self.data.into_bytes())
        })
    }
}

impl AppendRequest {
    /// The append, in which events without a stream belong to `stream`.
    ///
    /// # Errors
    /// A request that says nothing of what guards it, or contradicts itself.
    pub fn into_append(self, stream: Option<&str>) -> Result<Append, Rejection> {
        let unguarded = self.expected_version.is_none()
            && self.expected_versions.is_empty()
            && self.condition.is_none()
            && self.scopes.is_empty();
        if unguarded {
            return Err(Rejection::InvalidRequest(
                "field `expected_version` is missing: say how many events the stream has (0 for a \
                 new one), or \"any\", or guard the append by `condition` or `scopes`"
                    .into(),
            ));
        }
        let mut streams: Vec<StreamAppend> = Vec::new();
        for event in self.events {
            let name = event.stream.as_deref().or(stream);
            if let (Some(own), Some(named)) = (&event.stream, stream)
                && own != named
            {
                return Err(Rejection::InvalidRequest(format!(
                    "an event names stream `{own}` and the path `{named}`"
                )));
            }
            let id = name.map(StreamId::from);
            let expected = name.and_then(|name| self.expected_versions.get(name)).copied();
            let expected = expected.or(self.expected_version).map_or(Expected::Any, Into::into);
            let event = event.into_event()?;
            // Positions follow the order of the request, also where streams take turns; what is
            // expected of a stream is said with its first events.
            let known = streams.iter().any(|known| known.stream == id);
            match streams.last_mut().filter(|last| last.stream == id) {
                Some(last) => last.events.push(event),
                None => {
                    let expected = if known { Expected::Any } else { expected };
                    streams.push(StreamAppend { stream: id, expected, events: vec![event] });
                }
            }
        }
        let several = streams.iter().any(|stream| stream.stream != streams[0].stream);
        if self.expected_version.is_some() && several {
            return Err(Rejection::InvalidRequest(
                "`expected_version` is for events of one stream; use `expected_versions`".into(),
            ));
        }
        for name in self.expected_versions.keys() {
            let id = Some(StreamId::from(name.as_str()));
            if !streams.iter().any(|stream| stream.stream == id) {
                return Err(Rejection::InvalidRequest(format!(
                    "`expected_versions` names stream `{name}`, which no event belongs to"
                )));
            }
        }
        let scopes = self.scopes.into_iter().map(|(scope, expected)| {
            scope
                .parse::<ScopeKey>()
                .map_err(|error| Rejection::InvalidScopeKey(error.to_string()))?;
            Ok(ScopeExpectation { scope: scope.into(), expected })
        });
        Ok(Append {
            streams,
            condition: self.condition.map(Into::into),
            scopes: scopes.collect::<Result<_, Rejection>>()?,
            ..Append::default()
        })
    }
}
