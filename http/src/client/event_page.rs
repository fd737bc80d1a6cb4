//! A page of events that comes as the log's records, or as a document of a server that knows none.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use serde::de::Error as _;

use super::connection::{Call, Connection};
use super::error::ClientError;
use super::path::Path;
use crate::api::{LAST_POSITION, NEXT_PAGE_TOKEN};
use crate::log::{EventDecoder, RECORDS, RecordedEvent};
use crate::{LogPage, LoggedEvent, RecordedPage};

/// Records, or a document of a server that does not write this layout.
const FORMS: &str = "application/vnd.everstep.records.1, application/json;q=0.5";

/// A page as it came.
pub(super) enum Page {
    Records(RecordedPage),
    Document(LogPage),
}

impl Page {
    /// The page at a path, whose first event is waited for.
    pub(super) async fn read(
        connection: &Connection,
        path: Path,
        wait: Duration,
    ) -> Result<Self, ClientError> {
        let call = Call::get(path).waiting(wait).accept(FORMS);
        connection
            .exchange(call, async |name, response| {
                let shape = || ClientError::shape(format!("the answer to {name}"));
                let broken = |error: &hyper::Error| connection.broken(&name, error);
                let (head, mut body) = response.into_parts();
                if !are_records(&head.headers) {
                    let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
                    return serde_json::from_slice(&body).map(Self::Document).map_err(shape());
                }
                let (last_position, next_page_token) = beside(&head.headers).map_err(shape())?;
                let (mut decoder, mut events) = (EventDecoder::default(), Vec::new());
                while let Some(frame) = body.frame().await {
                    let frame = frame.map_err(|error| broken(&error))?;
                    let piece = frame.into_data().unwrap_or_default();
                    let read = decoder.feed(&piece).map_err(serde_json::Error::custom);
                    events.extend(read.map_err(shape())?);
                }
                decoder.end().map_err(serde_json::Error::custom).map_err(shape())?;
                Ok(Self::Records(RecordedPage { events, last_position, next_page_token }))
            })
            .await
    }

    /// As the log has it.
    pub(super) fn recorded(self) -> Result<RecordedPage, ClientError> {
        match self {
            Self::Records(page) => Ok(page),
            Self::Document(page) => recorded(page).map_err(ClientError::shape(PAGE)),
        }
    }

    /// As it is shown.
    pub(super) fn shown(self) -> Result<LogPage, ClientError> {
        match self {
            Self::Records(page) => LogPage::try_from(&page)
                .map_err(serde_json::Error::custom)
                .map_err(ClientError::shape(PAGE)),
            Self::Document(page) => Ok(page),
        }
    }
}

const PAGE: &str = "a page of events";

fn are_records(headers: &HeaderMap) -> bool {
    let is = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    is.and_then(|is| is.split(';').next()).is_some_and(|is| is.trim() == RECORDS)
}

/// What the headers of records say beside the events.
fn beside(headers: &HeaderMap) -> Result<(u64, Option<String>), serde_json::Error> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let last_position = text(&LAST_POSITION).and_then(|position| position.parse().ok());
    let none = || serde_json::Error::custom(format!("no position in the header `{LAST_POSITION}`"));
    Ok((last_position.ok_or_else(none)?, text(&NEXT_PAGE_TOKEN).map(str::to_owned)))
}

fn recorded(page: LogPage) -> Result<RecordedPage, serde_json::Error> {
    let LogPage { events, last_position, next_page_token } = page;
    let recorded = |event: &LoggedEvent| -> Result<RecordedEvent, serde_json::Error> {
        let none = || serde_json::Error::custom(format!("position {} is no event", event.position));
        event.to_recorded().ok_or_else(none)
    };
    let events = events.iter().map(recorded).collect::<Result<_, _>>()?;
    Ok(RecordedPage { events, last_position, next_page_token })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_document_gives_what_records_give() {
        let event = serde_json::json!({
            "position": 7, "event_id": "e", "version": 2, "stream": "Order:1",
            "stream_type": "Order", "stream_id": "1", "type": "OrderSubmitted", "data": {"a": 1},
            "tags": ["x", "y"], "category": "domain", "schema_version": 3,
            "recorded_at": "2023-11-14T22:13:20.120Z", "hash": "2a".repeat(32),
        });
        let page = |event: &serde_json::Value| {
            let page = serde_json::json!({"events": [event], "last_position": 9});
            Page::Document(serde_json::from_value(page).unwrap())
        };
        let read = page(&event).recorded().unwrap();
        assert_eq!((read.last_position, read.next_page_token), (9, None));
        let [found] = &read.events[..] else { panic!("{:?}", read.events) };
        assert_eq!((found.position(), found.version(), found.schema_version()), (7, 2, 3));
        assert_eq!(found.tags().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((found.data(), found.hash()), (&br#"{"a":1}"#[..], &[0x2a; 32]));
        let mut newer = event;
        newer["category"] = "of tomorrow".into();
        assert_eq!(page(&newer).shown().unwrap().events[0].category, "of tomorrow");
        let error = page(&newer).recorded().unwrap_err().to_string();
        assert!(error.contains("position 7 is no event"), "{error}");
    }

    #[test]
    fn records_are_asked_for_by_their_name() {
        assert_eq!(FORMS.split(',').next(), Some(RECORDS));
        let headers = |of: &[(HeaderName, &'static str)]| -> HeaderMap {
            let of = of.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            of.collect()
        };
        assert!(are_records(&headers(&[(CONTENT_TYPE, RECORDS)])));
        assert!(!are_records(&headers(&[(CONTENT_TYPE, "application/vnd.everstep.records.2")])));
        let error = beside(&headers(&[(LAST_POSITION, "x")])).unwrap_err().to_string();
        assert!(error.contains("everstep-last-position"), "{error}");
    }
}
