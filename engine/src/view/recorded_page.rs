//! Events of the log, written as JSON from the log's own bytes.
//!
//! Invariant: what is written is what a [`LoggedEvent`](super::LoggedEvent) of the same event gives;
//! nothing but the answer itself is copied on the way.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::event_log::EventOrigin;
use super::hex::to_digits;
use crate::log::{Hash, LogReader, RecordedEvent, StreamName};
use crate::{Rejection, Timestamp};

/// About so many bytes of an event's JSON are not in its record: names, and its hash in digits.
const AROUND: usize = 512;

/// A page of events as the log has them.
#[derive(Clone, Debug)]
pub struct RecordedPage {
    /// The events, in the order that was asked for.
    pub events: Vec<RecordedEvent>,
    /// The newest position of the namespace: how far the page can have seen.
    pub last_position: u64,
    /// What the next page is asked for with, if there is one.
    pub next_page_token: Option<String>,
}

impl RecordedPage {
    /// A page of `page_size` events out of at most one more, with the token that `token` makes of
    /// the page's last event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        mut events: Vec<RecordedEvent>,
        page_size: usize,
        reader: &LogReader<'_>,
        token: impl FnOnce(&RecordedEvent) -> String,
    ) -> Result<Self, Rejection> {
        let more = events.len() > page_size;
        events.truncate(page_size);
        let next_page_token = events.last().filter(|_| more).map(token);
        Ok(Self { events, last_position: reader.last_position()?, next_page_token })
    }

    /// The JSON of the page, as [`LogPage`](super::LogPage) gives it.
    ///
    /// # Errors
    /// When an event cannot be shown.
    pub fn json(&self) -> Result<Vec<u8>, Rejection> {
        let events = self.events.iter().map(EventJson::try_from).collect::<Result<_, _>>()?;
        let length = self.events.iter().map(|event| event.record().len() + AROUND);
        let mut text = Vec::with_capacity(length.sum::<usize>() + AROUND);
        let next_page_token = self.next_page_token.as_deref();
        let page = PageJson { events, last_position: self.last_position, next_page_token };
        serde_json::to_writer(&mut text, &page).map_err(|error| {
            Rejection::Corrupt(format!("a page of events has no json form: {error}"))
        })?;
        Ok(text)
    }
}

#[derive(Serialize)]
struct PageJson<'a> {
    events: Vec<EventJson<'a>>,
    last_position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<&'a str>,
}

/// An event as [`LoggedEvent`](super::LoggedEvent) shows it, borrowed from its record.
#[derive(Debug, Serialize)]
pub struct EventJson<'a> {
    position: u64,
    event_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    stream: Option<StreamName<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<&'a str>,
    version: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a RawValue,
    #[serde(serialize_with = "tags")]
    tags: &'a RecordedEvent,
    category: &'static str,
    schema_version: u32,
    recorded_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<EventOrigin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(serialize_with = "digits")]
    hash: &'a Hash,
}

impl<'a> TryFrom<&'a RecordedEvent> for EventJson<'a> {
    type Error = Rejection;

    fn try_from(event: &'a RecordedEvent) -> Result<Self, Rejection> {
        let json = |what: &str, bytes: &'a [u8]| {
            serde_json::from_slice::<&RawValue>(bytes).map_err(|error| {
                let at = event.position();
                Rejection::Corrupt(format!("the {what} of event {at} are not json: {error}"))
            })
        };
        let stream = event.stream_name();
        let metadata = event.metadata();
        Ok(Self {
            position: event.position(),
            event_id: Uuid::from_bytes(event.event_id()),
            stream,
            stream_type: stream.map(|stream| stream.stream_type),
            stream_id: stream.map(|stream| stream.id),
            version: event.version(),
            event_type: event.event_type(),
            data: json("data", event.data())?,
            tags: event,
            category: event.category().name(),
            schema_version: event.schema_version(),
            recorded_at: Timestamp::from_millis(event.recorded_at_ms()),
            correlation_id: event.correlation_id(),
            causation_id: event.causation_id(),
            context: event.context(),
            actor: event.actor(),
            traceparent: event.trace(),
            origin: event.origin().map(Into::into),
            metadata: (!metadata.is_empty()).then(|| json("metadata", metadata)).transpose()?,
            hash: event.hash(),
        })
    }
}

fn as_text<S: Serializer>(
    stream: &Option<StreamName<'_>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match stream {
        Some(stream) => serializer.collect_str(stream),
        None => serializer.serialize_none(),
    }
}

fn tags<S: Serializer>(event: &RecordedEvent, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(event.tags())
}

fn digits<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    let digits = to_digits(hash);
    serializer.serialize_str(std::str::from_utf8(digits.as_flattened()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Category, NewEvent, Origin, StreamId, Told};
    use crate::{LogPage, LoggedEvent};

    fn told(event: &NewEvent, stream: Option<&str>, position: u64) -> RecordedEvent {
        let hash = std::array::from_fn(|at| (at * 37) as u8);
        let place = Told {
            stream: stream.map(StreamId::from),
            position,
            version: 3,
            recorded_at_ms: 1_700_000_000_120,
            hash: &hash,
        };
        RecordedEvent::told(event, &place).expect("an event")
    }

    #[test]
    fn an_event_is_written_as_its_owned_form_is() {
        let full = NewEvent {
            tags: vec!["order:\"1\"".into(), "día".into()],
            category: Category::Fat,
            schema_version: 2,
            correlation_id: Some("c-1".into()),
            causation_id: Some("c-0".into()),
            context: Some("orders".into()),
            actor: Some("ada".into()),
            trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            origin: Some(Origin { workflow_id: "w".into(), run_id: "r".into(), activity_id: 7 }),
            metadata: br#"{"ip": "::1"}"#.to_vec().into(),
            ..NewEvent::new("OrderSubmitted", br#"{"cents": 1.50}"#.to_vec())
        };
        let bare = NewEvent::new("Ticked", b"null".to_vec());
        let events = vec![
            told(&full, Some("Order:ord-1"), 1),
            told(&full, Some("plain"), 2),
            told(&bare, None, 3),
        ];
        for next_page_token in [None, Some("4".to_owned())] {
            let owned = LogPage {
                events: events.iter().map(|it| LoggedEvent::try_from(it).unwrap()).collect(),
                last_position: 9,
                next_page_token: next_page_token.clone(),
            };
            let page = RecordedPage { events: events.clone(), last_position: 9, next_page_token };
            let text = String::from_utf8(page.json().unwrap()).unwrap();
            assert_eq!(text, serde_json::to_string(&owned).unwrap());
        }
    }

    #[test]
    fn data_that_are_no_json_are_named() {
        let broken = told(&NewEvent::new("Ticked", b"{\"a\":".to_vec()), None, 17);
        let page = RecordedPage { events: vec![broken], last_position: 17, next_page_token: None };
        let error = page.json().unwrap_err().to_string();
        assert!(error.contains("the data of event 17 are not json"), "{error}");
    }
}
