//! A history event as the server wrote it.
//!
//! Invariant: the text is kept as it came, so that a client shows the events of a newer server
//! too, and no number loses a digit.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Payload, Timestamp};

/// One event of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the run's history, from 1.
    pub event_id: u64,
    /// What happened, in snake case.
    pub event_type: String,
    /// When it was recorded.
    pub at: Timestamp,
    attributes: BTreeMap<String, Payload>,
    json: Payload,
}

/// A page of a history.
#[derive(Clone, Debug, Deserialize)]
pub struct EventPage {
    /// The events in order.
    pub events: Vec<Event>,
    /// Pass as `page_token` to get the next page.
    #[serde(default)]
    pub next_page_token: Option<String>,
}

impl Event {
    /// Reads an event's JSON.
    ///
    /// # Errors
    /// When it lacks `event_id`, `type` or `at`.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The event as the server wrote it.
    pub const fn json(&self) -> &Payload {
        &self.json
    }

    /// Everything but its number, type and time.
    pub const fn attributes(&self) -> &BTreeMap<String, Payload> {
        &self.attributes
    }

    /// One of its attributes.
    pub fn attribute(&self, name: &str) -> Option<&Payload> {
        self.attributes.get(name)
    }

    /// One of its attributes as text: a string without its quotes, everything else as JSON.
    pub fn text(&self, name: &str) -> Option<String> {
        let payload = self.attributes.get(name).filter(|payload| !payload.is_null())?;
        Some(payload.to::<String>().unwrap_or_else(|_| payload.as_str().to_owned()))
    }

    /// Whether no event can follow.
    pub fn is_last(&self) -> bool {
        matches!(
            self.event_type.as_str(),
            "workflow_completed"
                | "workflow_failed"
                | "workflow_cancelled"
                | "workflow_terminated"
                | "workflow_timed_out"
                | "workflow_continued_as_new"
        )
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Payload::deserialize(deserializer)?;
        let mut attributes: BTreeMap<String, Payload> = json.to().map_err(D::Error::custom)?;
        fn take<T: serde::de::DeserializeOwned, E: serde::de::Error>(
            attributes: &mut BTreeMap<String, Payload>,
            name: &'static str,
        ) -> Result<T, E> {
            let value = attributes.remove(name).ok_or_else(|| E::missing_field(name))?;
            value.to().map_err(E::custom)
        }
        Ok(Self {
            event_id: take(&mut attributes, "event_id")?,
            event_type: take(&mut attributes, "type")?,
            at: take(&mut attributes, "at")?,
            attributes,
            json,
        })
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_does_not_know() {
        let json = r#"{"event_id":7,"type":"moon_landed","at":"2026-01-01T00:00:00.000Z","height":1.50,"who":"a"}"#;
        let event = Event::parse(json).unwrap();
        assert_eq!((event.event_id, event.event_type.as_str()), (7, "moon_landed"));
        assert_eq!(event.attribute("height").unwrap().as_str(), "1.50");
        assert_eq!(event.text("who").unwrap(), "a");
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert!(Event::parse(r#"{"event_id":1}"#).is_err());
    }
}
