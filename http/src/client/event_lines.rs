//! A page of events that comes as lines: read while the server writes the next ones.
//!
//! Invariant: a line is read when all of it is there, whatever pieces it came in.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use serde::de::Error as _;

use super::connection::{Call, Connection};
use super::error::ClientError;
use super::path::Path;
use crate::api::{LAST_POSITION, NDJSON, NEXT_PAGE_TOKEN};
use crate::{LogPage, LoggedEvent};

/// The page at a path, whose first event is waited for.
pub(super) async fn page(
    connection: &Connection,
    path: Path,
    wait: Duration,
) -> Result<LogPage, ClientError> {
    let call = Call::get(path).waiting(wait).accept(NDJSON);
    connection
        .exchange(call, async |name, response| {
            let shape = || ClientError::shape(format!("the answer to {name}"));
            let (head, mut body) = response.into_parts();
            let Some((last_position, next_page_token)) = beside(&head.headers) else {
                // A server that knows no lines answers with a document.
                let body = body.collect().await;
                let body = body.map_err(|error| connection.broken(&name, &error))?.to_bytes();
                return serde_json::from_slice(&body).map_err(shape());
            };
            let mut lines = Lines::default();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| connection.broken(&name, &error))?;
                if let Ok(chunk) = frame.into_data() {
                    lines.feed(&chunk).map_err(shape())?;
                }
            }
            let events = lines.end().map_err(shape())?;
            Ok(LogPage { events, last_position, next_page_token })
        })
        .await
}

/// What the headers of lines say beside the events; none where the body is something else.
fn beside(headers: &HeaderMap) -> Option<(u64, Option<String>)> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(&CONTENT_TYPE).filter(|found| found.starts_with(NDJSON))?;
    let last_position = text(&LAST_POSITION)?.parse().ok()?;
    Some((last_position, text(&NEXT_PAGE_TOKEN).map(str::to_owned)))
}

#[derive(Default)]
struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    events: Vec<LoggedEvent>,
}

impl Lines {
    fn feed(&mut self, chunk: &Bytes) -> Result<(), serde_json::Error> {
        let Some(last) = chunk.iter().rposition(|byte| *byte == b'\n') else {
            self.begun.extend_from_slice(chunk);
            return Ok(());
        };
        let (mut whole, rest) = chunk.split_at(last + 1);
        if !self.begun.is_empty() {
            let first = whole.iter().position(|byte| *byte == b'\n').map_or(last, |at| at + 1);
            self.begun.extend_from_slice(&whole[..first]);
            whole = &whole[first..];
            let begun = std::mem::take(&mut self.begun);
            self.read(&begun)?;
        }
        self.read(whole)?;
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    /// Reads lines that are whole.
    fn read(&mut self, lines: &[u8]) -> Result<(), serde_json::Error> {
        // Looked at once as a whole: their strings need no second look each.
        let lines = std::str::from_utf8(lines).map_err(serde_json::Error::custom)?;
        for event in serde_json::Deserializer::from_str(lines).into_iter() {
            self.events.push(event?);
        }
        Ok(())
    }

    fn end(mut self) -> Result<Vec<LoggedEvent>, serde_json::Error> {
        let begun = std::mem::take(&mut self.begun);
        self.read(&begun)?;
        Ok(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_any_pieces() {
        let line = |position: u64| {
            format!(
                r#"{{"position":{position},"event_id":"e","version":0,"type":"día","data":"\\n",
                   "tags":[],"category":"domain","schema_version":1,
                   "recorded_at":"2023-11-14T22:13:20.120Z","hash":""}}"#
            )
            .replace('\n', "")
                + "\n"
        };
        let text: String = (1..=5).map(line).collect();
        for piece in [1, 7, 200, 451, text.len()] {
            let mut lines = Lines::default();
            for chunk in text.as_bytes().chunks(piece) {
                lines.feed(&Bytes::copy_from_slice(chunk)).unwrap();
            }
            let positions: Vec<_> = lines.end().unwrap().iter().map(|it| it.position).collect();
            assert_eq!(positions, [1, 2, 3, 4, 5], "in pieces of {piece} bytes");
        }
        let mut lines = Lines::default();
        lines.feed(&Bytes::from_static(b"{\"position\":")).unwrap();
        assert!(lines.end().is_err(), "an end in the middle of a line");
    }
}
