//! Pages of events as lines: one event a line, sent while the next ones are written.
//!
//! A page as one document can be read when all of it is there. Lines are read as they come, so the
//! reader works while the server does; what a page says beside its events is in the headers.
//!
//! Invariant: an answer that ends as HTTP says it should has every event of the page.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::IntoResponse;
use bytes::Bytes;
use everstep_engine::log::RecordedEvent;
use everstep_engine::{RecordedPage, Rejection, push_event};
use hyper::body::{Frame, SizeHint};

use crate::api::json::Answer;
use crate::api::{Problem, error_code as codes};

/// The media type of events as lines.
pub(crate) const NDJSON: &str = "application/x-ndjson";
/// Header: the newest position of the namespace.
pub(crate) const LAST_POSITION: HeaderName = HeaderName::from_static("everstep-last-position");
/// Header: what the next page is asked for with, if there is one.
pub(crate) const NEXT_PAGE_TOKEN: HeaderName = HeaderName::from_static("everstep-next-page-token");

/// So many bytes are sent at once, and an event more: sending costs little beside writing them.
const AT_ONCE: usize = 20 << 10;

/// Whether the client asks for lines.
pub(super) fn wants_lines(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains(NDJSON))
}

/// Appends an event's JSON without a line break in it.
pub(super) fn push_line(into: &mut Vec<u8>, event: &RecordedEvent) -> Result<(), Rejection> {
    let from = into.len();
    push_event(into, event)?;
    let written = &mut into[from..];
    // A payload keeps its sender's line breaks, which JSON allows between tokens only.
    if written.contains(&b'\n') || written.contains(&b'\r') {
        for byte in written {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    Ok(())
}

/// The answer that is a page.
pub(super) fn answer(page: RecordedPage) -> Answer {
    let token = page.next_page_token.as_deref().map(HeaderValue::from_str);
    let token = token.transpose().map_err(|error| {
        Problem::new(codes::INTERNAL_ERROR, format!("failed to name the next page: {error}"))
    })?;
    let mut lines = Lines { events: page.events, next: 0, ready: Bytes::new(), rests: false };
    // What cannot be written at the beginning is refused; what cannot be later cuts the answer off.
    lines.write()?;
    let mut response = Body::new(lines).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(LAST_POSITION, HeaderValue::from(page.last_position));
    if let Some(token) = token {
        headers.insert(NEXT_PAGE_TOKEN, token);
    }
    Ok(response)
}

/// Lines of a page that has been read, written when they are sent.
struct Lines {
    events: Vec<RecordedEvent>,
    /// The first event that is not written.
    next: usize,
    /// What is written and not sent.
    ready: Bytes,
    /// What was given last may go out before more is written.
    rests: bool,
}

impl Lines {
    fn write(&mut self) -> Result<(), Rejection> {
        let mut lines = Vec::with_capacity(AT_ONCE + 1_024);
        while let Some(event) = self.events.get(self.next).filter(|_| lines.len() < AT_ONCE) {
            push_line(&mut lines, event)?;
            lines.push(b'\n');
            self.next += 1;
        }
        self.ready = lines.into();
        Ok(())
    }
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Rejection;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Rejection>>> {
        if self.ready.is_empty() {
            if self.is_end_stream() {
                return Poll::Ready(None);
            }
            // Whoever has nothing to wait for is asked again and again, and nothing is sent
            // meanwhile.
            self.rests = !self.rests;
            if self.rests {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Err(rejection) = self.write() {
                tracing::error!(%rejection, "a page of events was cut off");
                return Poll::Ready(Some(Err(rejection)));
            }
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.ready)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.next == self.events.len()
    }

    /// Known of what is written as a whole: few events are sent with their length.
    fn size_hint(&self) -> SizeHint {
        match self.next == self.events.len() {
            true => SizeHint::with_exact(self.ready.len() as u64),
            false => SizeHint::default(),
        }
    }
}
