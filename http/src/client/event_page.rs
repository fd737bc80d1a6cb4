//! A page of events that comes as the log's records.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use serde::de::Error as _;

use super::connection::{Call, Connection};
use super::error::ClientError;
use super::path::Path;
use crate::api::{LAST_POSITION, NEXT_PAGE_TOKEN};
use crate::log::{RECORDS, RecordedEvent, Transfer};
use crate::{LogPage, LoggedEvent, RecordedPage};

/// The page at a path, whose first event is waited for.
pub(super) async fn page(
    connection: &Connection,
    path: Path,
    wait: Duration,
) -> Result<RecordedPage, ClientError> {
    let call = Call::get(path).waiting(wait).accept(RECORDS);
    connection
        .exchange(call, async |name, response| {
            let shape = || ClientError::shape(format!("the answer to {name}"));
            let broken = |error: &hyper::Error| connection.broken(&name, error);
            let (head, mut body) = response.into_parts();
            let Some((last_position, next_page_token)) = beside(&head.headers) else {
                // A server that does not write this layout answers with a document.
                let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
                return document(&body).map_err(shape());
            };
            let (mut transfer, mut events) = (Transfer::default(), Vec::new());
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| broken(&error))?;
                let piece = frame.into_data().unwrap_or_default();
                let read = transfer.feed(&piece).map_err(serde_json::Error::custom);
                events.extend(read.map_err(shape())?);
            }
            transfer.end().map_err(serde_json::Error::custom).map_err(shape())?;
            Ok(RecordedPage { events, last_position, next_page_token })
        })
        .await
}

/// What the headers of records say beside the events; none where the body is something else.
fn beside(headers: &HeaderMap) -> Option<(u64, Option<String>)> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(&CONTENT_TYPE).filter(|found| *found == RECORDS)?;
    let last_position = text(&LAST_POSITION)?.parse().ok()?;
    Some((last_position, text(&NEXT_PAGE_TOKEN).map(str::to_owned)))
}

fn document(body: &[u8]) -> Result<RecordedPage, serde_json::Error> {
    let LogPage { events, last_position, next_page_token } = serde_json::from_slice(body)?;
    let recorded = |event: &LoggedEvent| -> Result<RecordedEvent, serde_json::Error> {
        let none = || serde_json::Error::custom(format!("position {} is no event", event.position));
        event.to_recorded().ok_or_else(none)
    };
    let events = events.iter().map(recorded).collect::<Result<_, _>>()?;
    Ok(RecordedPage { events, last_position, next_page_token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gives_what_records_give() {
        let hash = "2a".repeat(32);
        let event = serde_json::json!({
            "position": 7, "event_id": "e", "version": 2, "stream": "Order:1",
            "stream_type": "Order", "stream_id": "1", "type": "OrderSubmitted", "data": {"a": 1},
            "tags": ["x", "y"], "category": "domain", "schema_version": 3,
            "recorded_at": "2023-11-14T22:13:20.120Z", "hash": hash,
        });
        let page = serde_json::json!({"events": [event], "last_position": 9});
        let page = document(page.to_string().as_bytes()).unwrap();
        assert_eq!((page.last_position, page.next_page_token), (9, None));
        let [event] = &page.events[..] else { panic!("{:?}", page.events) };
        assert_eq!((event.position(), event.version(), event.schema_version()), (7, 2, 3));
        assert_eq!(event.tags().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((event.data(), event.hash()), (&br#"{"a":1}"#[..], &[0x2a; 32]));
        let broken = br#"{"events":[{"position":7}],"last_position":9}"#;
        assert!(document(broken).unwrap_err().to_string().contains("event_id"));
    }
}
