//! What is shown of the event log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hex::{from_hex, to_hex};
use super::recorded_page::RecordedPage;
use crate::log::{
    Appended, Category, Head, LogReader, NewEvent, Origin, RecordedEvent, StreamId, Told,
};
use crate::{Payload, Rejection, Timestamp};

/// An event of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedEvent {
    /// Its place among all events of the namespace, from 1, without a gap.
    pub position: u64,
    /// Its id, a version 7 UUID.
    pub event_id: String,
    /// Its stream, `Type:id`; absent for an event that is found by types and tags alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The stream's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_type: Option<String>,
    /// The stream's id within its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
    /// Its place in the stream, from 1; 0 without one.
    pub version: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it says.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Payload,
    /// What it is found by.
    pub tags: Vec<String>,
    /// `domain`, `integration`, `trigger` or `fat`.
    pub category: String,
    /// The version of its data's shape.
    pub schema_version: u32,
    /// When it was appended.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub recorded_at: Timestamp,
    /// What belongs together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The id of what led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The bounded context that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The step of a workflow that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<EventOrigin>,
    /// What the application wrote beside the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Payload>,
    /// SHA-256, in hexadecimal, over this event and all before it.
    pub hash: String,
}

/// The step of a workflow that wrote an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventOrigin {
    /// The workflow.
    pub workflow_id: String,
    /// The run.
    pub run_id: String,
    /// The activity of the run.
    pub activity_id: u32,
}

impl From<Origin> for EventOrigin {
    fn from(origin: Origin) -> Self {
        let (workflow_id, run_id) = (origin.workflow_id.into(), origin.run_id.into());
        Self { workflow_id, run_id, activity_id: origin.activity_id }
    }
}

impl TryFrom<&RecordedEvent> for LoggedEvent {
    type Error = Rejection;

    fn try_from(event: &RecordedEvent) -> Result<Self, Rejection> {
        let json = |what: &str, bytes: bytes::Bytes| {
            Payload::parse(bytes).map_err(|error| {
                let at = event.position();
                Rejection::Corrupt(format!("the {what} of event {at} are not json: {error}"))
            })
        };
        let stream = event.stream();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let metadata = event.metadata_bytes();
        Ok(Self {
            position: event.position(),
            event_id: Uuid::from_bytes(event.event_id()).to_string(),
            stream: stream.as_ref().map(StreamId::to_string),
            stream_type: stream.as_ref().map(|stream| stream.stream_type.to_string()),
            stream_id: stream.as_ref().map(|stream| stream.id.to_string()),
            version: event.version(),
            event_type: event.event_type().to_owned(),
            data: json("data", event.data_bytes())?,
            tags: event.tags().map(str::to_owned).collect(),
            category: event.category().name().to_owned(),
            schema_version: event.schema_version(),
            recorded_at: Timestamp::from_millis(event.recorded_at_ms()),
            correlation_id: owned(event.correlation_id()),
            causation_id: owned(event.causation_id()),
            context: owned(event.context()),
            actor: owned(event.actor()),
            traceparent: owned(event.trace()),
            origin: event.origin().map(Into::into),
            metadata: (!metadata.is_empty()).then(|| json("metadata", metadata)).transpose()?,
            hash: to_hex(event.hash()),
        })
    }
}

impl LoggedEvent {
    /// The event for code that is written against events of the log, such as a projection's; none
    /// where this is no event. Its id is the same, unless its data was changed on the way.
    pub fn to_recorded(&self) -> Option<RecordedEvent> {
        let named = |text: &Option<String>| text.as_deref().map(Box::from);
        let origin = self.origin.as_ref().map(|origin| Origin {
            workflow_id: origin.workflow_id.as_str().into(),
            run_id: origin.run_id.as_str().into(),
            activity_id: origin.activity_id,
        });
        let event = NewEvent {
            tags: self.tags.iter().map(|tag| tag.as_str().into()).collect(),
            category: Category::named(&self.category)?,
            schema_version: self.schema_version,
            correlation_id: named(&self.correlation_id),
            causation_id: named(&self.causation_id),
            context: named(&self.context),
            actor: named(&self.actor),
            trace: named(&self.traceparent),
            origin,
            metadata: self.metadata.as_ref().map(|it| it.clone().into_bytes()).unwrap_or_default(),
            ..NewEvent::new(self.event_type.as_str(), self.data.clone().into_bytes())
        };
        let stream = self.stream_type.as_deref().zip(self.stream_id.as_deref());
        let hash = from_hex(&self.hash)?.try_into().ok()?;
        let place = Told {
            stream: stream.map(|(kind, id)| StreamId::new(kind, id)),
            position: self.position,
            version: self.version,
            recorded_at_ms: self.recorded_at.as_millis(),
            hash: &hash,
        };
        RecordedEvent::told(&event, &place)
    }
}

/// A page of events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogPage {
    /// The events, in the order that was asked for.
    pub events: Vec<LoggedEvent>,
    /// The newest position of the namespace: how far the page can have seen.
    pub last_position: u64,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl LogPage {
    /// A page of `page_size` events out of at most one more, with the token that `token` makes of
    /// the page's last event.
    ///
    /// # Errors
    /// When an event cannot be shown.
    pub fn new(
        events: Vec<RecordedEvent>,
        page_size: usize,
        reader: &LogReader<'_>,
        token: impl FnOnce(&RecordedEvent) -> String,
    ) -> Result<Self, Rejection> {
        Self::try_from(&RecordedPage::new(events, page_size, reader, token)?)
    }
}

impl TryFrom<&RecordedPage> for LogPage {
    type Error = Rejection;

    fn try_from(page: &RecordedPage) -> Result<Self, Rejection> {
        Ok(Self {
            events: page.events.iter().map(LoggedEvent::try_from).collect::<Result<_, _>>()?,
            last_position: page.last_position,
            next_page_token: page.next_page_token.clone(),
        })
    }
}

/// What became of an append.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppendReceipt {
    /// `appended`, or `duplicate` when the events were there before.
    pub status: String,
    /// The events' positions, in order.
    pub positions: Vec<u64>,
    /// Their ids.
    pub event_ids: Vec<String>,
    /// The version of each stream now, where an event belongs to one: after these events.
    pub versions: std::collections::BTreeMap<String, u64>,
}

impl AppendReceipt {
    /// The receipt of an append that is durable.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(appended: &Appended, reader: &LogReader<'_>) -> Result<Self, Rejection> {
        let status = match appended {
            Appended::New(_) => "appended",
            Appended::Duplicate(_) => "duplicate",
        };
        let written = appended.written();
        let mut receipt = Self {
            status: status.to_owned(),
            positions: (written.first_position..=written.last_position()).collect(),
            event_ids: Vec::new(),
            versions: std::collections::BTreeMap::new(),
        };
        for position in &receipt.positions {
            let Some(event) = reader.event(*position)? else { continue };
            receipt.event_ids.push(Uuid::from_bytes(event.event_id()).to_string());
            if let Some(stream) = event.stream() {
                receipt.versions.insert(stream.to_string(), event.version());
            }
        }
        Ok(receipt)
    }
}

/// What there is of a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamDescription {
    /// Its name, `Type:id`.
    pub stream: String,
    /// Its type.
    pub stream_type: String,
    /// Its id within the type.
    pub stream_id: String,
    /// How many events it has.
    pub version: u64,
    /// The position of its last event.
    pub last_position: u64,
}

impl StreamDescription {
    /// Of a stream that has events.
    pub fn new(stream: &StreamId, head: Head) -> Self {
        Self {
            stream: stream.to_string(),
            stream_type: stream.stream_type.to_string(),
            stream_id: stream.id.to_string(),
            version: head.events,
            last_position: head.last_position,
        }
    }
}

/// What there is of a tag or of an event type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NameDescription {
    /// The tag or the type.
    pub name: String,
    /// How many events have it.
    pub events: u64,
    /// The position of the last one.
    pub last_position: u64,
}

/// A consistency boundary.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScopeDescription {
    /// Its key, `tenant:TENANT:TYPE:ID`.
    pub scope: String,
    /// Whose it is.
    pub tenant_id: String,
    /// The kind of boundary.
    pub scope_type: String,
    /// Which one.
    pub scope_id: String,
    /// How many appends have touched it; 0 for one that nothing has.
    pub version: u64,
    /// How many events it has.
    pub events: u64,
    /// When it was touched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub last_updated_at: Option<Timestamp>,
}
