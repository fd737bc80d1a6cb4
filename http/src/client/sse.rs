//! A run's events, and the log's, as they happen: server-sent events, one after the other.
//!
//! Invariant: a line is never longer than [`MAX_LINE_BYTES`]; a server that sends more is cut off.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::Event;
use super::connection::Connection;
use super::error::ClientError;
use crate::LoggedEvent;

/// Longest line taken: the server's largest payload, with room.
const MAX_LINE_BYTES: usize = 16 << 20;
/// A live stream carries a comment at least every 15 s; twice nothing means that it is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// Events of one run, live. Ends when the run closes or the server goes.
#[derive(Debug)]
pub struct EventStream(Frames);

/// Events of the log, live. Ends when the server goes, or has cut off a reader that was too slow.
#[derive(Debug)]
pub struct LogStream(Frames);

impl EventStream {
    pub(super) fn new(connection: Connection, call: String, body: Incoming) -> Self {
        Self(Frames::new(connection, call, body))
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection breaks or falls silent; the caller goes on with a new stream after the
    /// last event it saw.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        let Some(data) = self.0.next().await? else { return Ok(None) };
        Event::parse(&data).map(Some).map_err(ClientError::shape("a history event"))
    }
}

impl LogStream {
    pub(super) fn new(connection: Connection, call: String, body: Incoming) -> Self {
        Self(Frames::new(connection, call, body))
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection breaks or falls silent; the caller goes on with a new stream after the
    /// last position it saw.
    pub async fn next(&mut self) -> Result<Option<LoggedEvent>, ClientError> {
        let Some(data) = self.0.next().await? else { return Ok(None) };
        serde_json::from_str(&data).map(Some).map_err(ClientError::shape("an event of the log"))
    }
}

/// The data of server-sent events, one after the other.
#[derive(Debug)]
struct Frames {
    connection: Connection,
    call: String,
    body: Incoming,
    lines: Lines,
    ready: VecDeque<String>,
}

impl Frames {
    fn new(connection: Connection, call: String, body: Incoming) -> Self {
        Self { connection, call, body, lines: Lines::default(), ready: VecDeque::new() }
    }

    async fn next(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            if let Some(data) = self.ready.pop_front() {
                return Ok(Some(data));
            }
            let Ok(frame) = tokio::time::timeout(SILENCE, self.body.frame()).await else {
                let url = self.connection.url().to_owned();
                let call = self.call.clone();
                return Err(ClientError::TimedOut { url, call, waited: SILENCE });
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| self.connection.broken(&self.call, &error))?;
            let Ok(chunk) = frame.into_data() else { continue };
            if !self.lines.feed(&chunk, &mut self.ready) {
                let reason = std::io::Error::other("a line of the event stream is too long");
                return Err(self.connection.broken(&self.call, &reason));
            }
        }
    }
}

/// The data fields of a stream, put together from chunks that end anywhere.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    data: Option<String>,
}

impl Lines {
    /// Takes a chunk and gives what became complete. False when a line is too long.
    fn feed(&mut self, chunk: &Bytes, ready: &mut VecDeque<String>) -> bool {
        self.partial.extend_from_slice(chunk);
        let mut from = 0;
        while let Some(length) = self.partial[from..].iter().position(|byte| *byte == b'\n') {
            let line = &self.partial[from..from + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                ready.extend(self.data.take());
            } else if let Some(value) = line.strip_prefix(b"data:") {
                let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
                match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&value);
                    }
                    None => self.data = Some(value.into_owned()),
                }
            }
            from += length + 1;
        }
        self.partial.drain(..from);
        self.partial.len() <= MAX_LINE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_may_end_anywhere() {
        let text =
            ": hello\r\nid: 3\ndata: {\"a\":\ndata: 1}\n\nevent: x\n\ndata: two\n\ndata: cut";
        for size in 1..text.len() {
            let (mut lines, mut ready) = (Lines::default(), VecDeque::new());
            for chunk in text.as_bytes().chunks(size) {
                assert!(lines.feed(&Bytes::copy_from_slice(chunk), &mut ready));
            }
            assert_eq!(ready, ["{\"a\":\n1}", "two"], "in chunks of {size}");
        }
    }
}
