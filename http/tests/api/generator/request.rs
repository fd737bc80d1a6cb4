//! A request as bytes, one connection each, and its answer.

use std::fmt;
use std::net::SocketAddr;

use crate::wire::Wire;

/// A request that no client library has tidied up.
#[derive(Clone, Debug)]
pub(super) struct RawRequest {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// Sent in place of everything else.
    pub(super) raw: Option<Vec<u8>>,
    /// HTTP's own syntax is broken: a bare 4xx or a closed connection will do.
    pub(super) broken_syntax: bool,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// None when the server only closed the connection.
    pub(super) status: Option<u16>,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl RawRequest {
    /// Bytes that need not be HTTP.
    pub(super) fn raw(bytes: Vec<u8>) -> Self {
        Self {
            method: String::new(),
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            raw: Some(bytes),
            broken_syntax: true,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let query: Vec<_> =
            self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let line = format!("{} {}{mark}{} HTTP/1.1\r\n", self.method, self.path, query.join("&"));
        let mut bytes = line.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"connection: close\r\n");
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends it and reads the answer; of a stream of events only the head.
    pub(super) async fn send(&self, address: SocketAddr) -> Answer {
        let mut wire = Wire::connect(address).await.unwrap();
        wire.send(&self.bytes()).await;
        if self.broken_syntax {
            // What is no whole request would wait for more.
            wire = wire.finish();
        }
        let mut read = Vec::new();
        loop {
            let part = wire.read_some().await;
            read.extend_from_slice(&part);
            if part.is_empty() || is_stream(&read) {
                return Answer::parse(&read);
            }
        }
    }
}

fn is_stream(read: &[u8]) -> bool {
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    String::from_utf8_lossy(&read[..end]).contains("text/event-stream")
}

impl Answer {
    fn parse(read: &[u8]) -> Self {
        let end = read.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else {
            assert!(read.is_empty(), "half an answer: {:?}", String::from_utf8_lossy(read));
            return Self { status: None, headers: Vec::new(), body: Vec::new() };
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status: Some(status), headers, body: read[end + 4..].to_vec() };
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            // Garbage may count as another request, which is answered behind.
            answer.body.truncate(length);
        }
        answer
    }

    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let shown = &bytes[..bytes.len().min(4_000)];
        write!(f, "{}", String::from_utf8_lossy(shown))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{:?} {:?}\n{body}", self.status, self.headers)
    }
}
