//! The forms of a page of events: a document, lines, or the records of the log.
//!
//! A document can be read when all of it is there. Lines and records are read as they come, so the
//! reader works while the server does; what a page says beside its events is in the headers. Lines
//! are the document's events, one a line; records are what [`EventDecoder`](everstep_engine::log::EventDecoder)
//! reads, for who has this crate.
//!
//! Invariant: an answer that ends as HTTP says it should has every event of the page.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use everstep_engine::log::{RECORDS, RecordedEvent};
use everstep_engine::{RecordedPage, Rejection, push_event};
use hyper::body::{Frame, SizeHint};

use crate::api::json::{Answer, json_text};
use crate::api::{Problem, error_code as codes};

/// Header: the newest position of the namespace.
pub(crate) const LAST_POSITION: HeaderName = HeaderName::from_static("everstep-last-position");
/// Header: what the next page is asked for with, if there is one.
pub(crate) const NEXT_PAGE_TOKEN: HeaderName = HeaderName::from_static("everstep-next-page-token");

/// So many bytes are sent at once, and an event more: waking who reads costs more than some events.
const AT_ONCE: usize = 40 << 10;

/// Appends an event in its form.
type Push = fn(&mut Vec<u8>, &RecordedEvent) -> Result<(), Rejection>;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON document.
    Document,
    /// A JSON document an event, each in a line of its own.
    Lines,
    /// The log's own bytes.
    Records,
}

impl Form {
    /// The form that the client prefers (RFC 9110, 12.5.1), the first of several; a document where
    /// it names none.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        let mut wanted = (0.0, Self::Document);
        for range in accept.flat_map(|accept| accept.split(',')) {
            let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
            let is = |name: &str| media_type.trim().eq_ignore_ascii_case(name);
            let Some(form) = Self::ALL.into_iter().find(|form| is(form.media_type())) else {
                continue;
            };
            let quality = parameters.split(';').find_map(|it| it.trim().strip_prefix("q="));
            let quality = quality.map_or(1.0, |quality| quality.parse().unwrap_or(1.0_f32));
            if quality > wanted.0 {
                wanted = (quality, form);
            }
        }
        wanted.1
    }

    const ALL: [Self; 3] = [Self::Document, Self::Lines, Self::Records];

    const fn media_type(self) -> &'static str {
        match self {
            Self::Document => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Records => RECORDS,
        }
    }

    /// Writes a page: all of a document, which takes its time for a large one, and the first piece
    /// of anything else.
    pub(super) fn write(self, page: RecordedPage) -> Result<Written, Rejection> {
        let push: Push = match self {
            Self::Document => return page.json().map(Written::Document),
            Self::Lines => |into, event| {
                push_line(into, event)?;
                into.push(b'\n');
                Ok(())
            },
            Self::Records => |into, event| {
                event.encode_to(into);
                Ok(())
            },
        };
        Written::pieces(page, self.media_type(), push)
    }
}

/// A page that has been written, or is when it is sent.
pub(super) enum Written {
    Document(Vec<u8>),
    Pieces {
        media_type: &'static str,
        last_position: u64,
        next_page_token: Option<String>,
        pieces: Pieces,
    },
}

impl Written {
    fn pieces(page: RecordedPage, media_type: &'static str, push: Push) -> Result<Self, Rejection> {
        let RecordedPage { events, last_position, next_page_token } = page;
        let mut pieces = Pieces { events, push, next: 0, ready: Bytes::new(), rests: false };
        // What cannot be written at the beginning is refused; what cannot be later cuts the answer
        // off.
        pieces.write()?;
        Ok(Self::Pieces { media_type, last_position, next_page_token, pieces })
    }

    /// The answer that is the page.
    pub(super) fn answer(self) -> Answer {
        let mut response = match self {
            Self::Document(text) => json_text(StatusCode::OK, text),
            Self::Pieces { media_type, last_position, next_page_token, pieces } => {
                let mut response = Body::new(pieces).into_response();
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
                headers.insert(LAST_POSITION, HeaderValue::from(last_position));
                if let Some(token) = next_page_token {
                    let token = HeaderValue::try_from(token).map_err(|error| {
                        let reason = format!("failed to name the next page: {error}");
                        Problem::new(codes::INTERNAL_ERROR, reason)
                    })?;
                    headers.insert(NEXT_PAGE_TOKEN, token);
                }
                response
            }
        };
        // There is another answer for who asks for another form.
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }
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

/// Events of a page that has been read, written when they are sent.
pub(super) struct Pieces {
    events: Vec<RecordedEvent>,
    push: Push,
    /// The first event that is not written.
    next: usize,
    /// What is written and not sent.
    ready: Bytes,
    /// What was given last may go out before more is written.
    rests: bool,
}

impl Pieces {
    fn write(&mut self) -> Result<(), Rejection> {
        let rest = &self.events[self.next..];
        let each = rest.first().map_or(0, |event| event.record().len() + 512);
        let mut piece = Vec::with_capacity(AT_ONCE.min(each * rest.len()) + 1_024);
        while let Some(event) = self.events.get(self.next).filter(|_| piece.len() < AT_ONCE) {
            (self.push)(&mut piece, event)?;
            self.next += 1;
        }
        self.ready = piece.into();
        Ok(())
    }
}

impl hyper::body::Body for Pieces {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_taken() {
        let asked = |accept: &'static str| {
            let accept = HeaderValue::from_static(accept);
            Form::asked(&HeaderMap::from_iter([(ACCEPT, accept)]))
        };
        assert_eq!(Form::asked(&HeaderMap::new()), Form::Document);
        assert_eq!(asked("*/*"), Form::Document);
        assert_eq!(asked("application/x-ndjson;q=0.9, */*"), Form::Lines);
        assert_eq!(asked("text/html,application/x-ndjson"), Form::Lines);
        assert_eq!(asked("application/json, application/x-ndjson"), Form::Document);
        assert_eq!(asked("application/vnd.everstep.records.1"), Form::Records);
        assert_eq!(asked("application/vnd.everstep.records.2"), Form::Document);
        assert_eq!(asked("application/x-ndjson-2"), Form::Document);
        assert_eq!(asked("application/json;q=0.5, Application/X-NDJSON"), Form::Lines);
        assert_eq!(asked("application/x-ndjson;q=0, application/json"), Form::Document);
        assert_eq!(asked("application/x-ndjson; q=0.2,application/json;q=0.1"), Form::Lines);
    }
}
