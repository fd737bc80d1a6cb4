//! Events of the log, written as JSON from the log's own bytes.
//!
//! Invariant: what is written is what a [`LoggedEvent`](super::LoggedEvent) of the same event gives;
//! nothing but the answer itself is copied on the way.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::event_log::EventOrigin;
use super::hex::to_digits;
use crate::log::{LogReader, RecordedEvent};
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
        let length = self.events.iter().map(|event| event.record().len() + AROUND);
        let mut page = Vec::with_capacity(length.sum::<usize>() + AROUND);
        page.extend_from_slice(br#"{"events":["#);
        for (at, event) in self.events.iter().enumerate() {
            if at > 0 {
                page.push(b',');
            }
            push_event(&mut page, event)?;
        }
        page.push(b']');
        let mut rest = Members { into: &mut page };
        rest.value(r#","last_position":"#, &self.last_position)?;
        if let Some(token) = &self.next_page_token {
            rest.value(r#","next_page_token":"#, token)?;
        }
        page.push(b'}');
        Ok(page)
    }
}

/// Appends the JSON of an event, as [`LoggedEvent`](super::LoggedEvent) gives it.
///
/// # Errors
/// When its data are no JSON.
pub fn push_event(into: &mut Vec<u8>, event: &RecordedEvent) -> Result<(), Rejection> {
    let mut members = Members { into };
    members.value(r#"{"position":"#, &event.position())?;
    members.value(r#","event_id":"#, &Uuid::from_bytes(event.event_id()))?;
    if let Some(stream) = event.stream_name() {
        members.value(r#","stream":"#, &stream.to_string())?;
        members.value(r#","stream_type":"#, stream.stream_type)?;
        members.value(r#","stream_id":"#, stream.id)?;
    }
    members.value(r#","version":"#, &event.version())?;
    members.value(r#","type":"#, event.event_type())?;
    members.json(r#","data":"#, "data", event, event.data())?;
    members.tags(event)?;
    members.value(r#","category":"#, event.category().name())?;
    members.value(r#","schema_version":"#, &event.schema_version())?;
    let recorded_at = Timestamp::from_millis(event.recorded_at_ms());
    members.value(r#","recorded_at":"#, &recorded_at)?;
    members.given(r#","correlation_id":"#, event.correlation_id())?;
    members.given(r#","causation_id":"#, event.causation_id())?;
    members.given(r#","context":"#, event.context())?;
    members.given(r#","actor":"#, event.actor())?;
    members.given(r#","traceparent":"#, event.trace())?;
    if let Some(origin) = event.origin() {
        members.value(r#","origin":"#, &EventOrigin::from(origin))?;
    }
    if !event.metadata().is_empty() {
        members.json(r#","metadata":"#, "metadata", event, event.metadata())?;
    }
    members.into.extend_from_slice(br#","hash":""#);
    members.into.extend_from_slice(to_digits(event.hash()).as_flattened());
    members.into.extend_from_slice(br#""}"#);
    Ok(())
}

/// The members of a JSON object, each with what stands before its value.
struct Members<'a> {
    into: &'a mut Vec<u8>,
}

impl Members<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Rejection> {
        self.into.extend_from_slice(name.as_bytes());
        serde_json::to_writer(&mut *self.into, value).map_err(|error| {
            Rejection::Corrupt(format!("a part of an event has no json form: {error}"))
        })
    }

    fn given(&mut self, name: &str, text: Option<&str>) -> Result<(), Rejection> {
        text.map_or(Ok(()), |text| self.value(name, text))
    }

    fn tags(&mut self, event: &RecordedEvent) -> Result<(), Rejection> {
        self.into.extend_from_slice(br#","tags":["#);
        for (at, tag) in event.tags().enumerate() {
            self.value(if at > 0 { "," } else { "" }, tag)?;
        }
        self.into.push(b']');
        Ok(())
    }

    /// What the application wrote, as it wrote it.
    fn json(
        &mut self,
        name: &str,
        what: &str,
        event: &RecordedEvent,
        bytes: &[u8],
    ) -> Result<(), Rejection> {
        let found = serde_json::from_slice::<&RawValue>(bytes).map_err(|error| {
            let at = event.position();
            Rejection::Corrupt(format!("the {what} of event {at} are not json: {error}"))
        })?;
        self.into.extend_from_slice(name.as_bytes());
        self.into.extend_from_slice(found.get().as_bytes());
        Ok(())
    }
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
