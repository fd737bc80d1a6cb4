//! A run's events, the log's, and rows as they change: server-sent events, one after the other.
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
    pub(super) const fn new(frames: Frames) -> Self {
        Self(frames)
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection breaks or falls silent; the caller goes on with a new stream after the
    /// last event it saw.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        let Some(Frame { data, .. }) = self.0.next().await? else { return Ok(None) };
        Event::parse(&data).map(Some).map_err(ClientError::shape("a history event"))
    }
}

impl LogStream {
    pub(super) const fn new(frames: Frames) -> Self {
        Self(frames)
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection breaks or falls silent; the caller goes on with a new stream after the
    /// last position it saw.
    pub async fn next(&mut self) -> Result<Option<LoggedEvent>, ClientError> {
        let Some(Frame { data, .. }) = self.0.next().await? else { return Ok(None) };
        serde_json::from_str(&data).map(Some).map_err(ClientError::shape("an event of the log"))
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its name; empty where it has none.
    pub(super) name: String,
    pub(super) data: String,
}

/// Server-sent events, one after the other.
#[derive(Debug)]
pub(super) struct Frames {
    connection: Connection,
    call: String,
    body: Incoming,
    lines: Lines,
    ready: VecDeque<Frame>,
}

impl Frames {
    pub(super) fn new(connection: Connection, call: String, body: Incoming) -> Self {
        Self { connection, call, body, lines: Lines::default(), ready: VecDeque::new() }
    }

    /// The next one; `None` at the end of the stream. It may be dropped and asked again.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
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

/// The fields of a stream, put together from chunks that end anywhere.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    name: String,
    data: Option<String>,
}

impl Lines {
    /// Takes a chunk and gives what became complete. False when a line is too long.
    fn feed(&mut self, chunk: &Bytes, ready: &mut VecDeque<Frame>) -> bool {
        self.partial.extend_from_slice(chunk);
        let mut from = 0;
        while let Some(length) = self.partial[from..].iter().position(|byte| *byte == b'\n') {
            let line = &self.partial[from..from + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                let name = std::mem::take(&mut self.name);
                ready.extend(self.data.take().map(|data| Frame { name, data }));
            } else if let Some(name) = line.strip_prefix(b"event:") {
                let name = name.strip_prefix(b" ").unwrap_or(name);
                self.name = String::from_utf8_lossy(name).into_owned();
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
        let text = ": hello\r\nid: 3\ndata: {\"a\":\ndata: 1}\n\nevent: x\n\nevent: y\ndata: two\n\ndata: cut";
        for size in 1..text.len() {
            let (mut lines, mut ready) = (Lines::default(), VecDeque::new());
            for chunk in text.as_bytes().chunks(size) {
                assert!(lines.feed(&Bytes::copy_from_slice(chunk), &mut ready));
            }
            let ready: Vec<_> =
                ready.iter().map(|it| (it.name.as_str(), it.data.as_str())).collect();
            assert_eq!(ready, [("", "{\"a\":\n1}"), ("y", "two")], "in chunks of {size}");
        }
    }
}
