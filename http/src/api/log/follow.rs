//! Pages of events by position, waiting for what comes next, and all of it as a stream.
//!
//! Invariant: no event is missed between a read and the wait after it: the newest position is
//! followed before the store is read. A stream's ids are positions, so whoever resumes from
//! `Last-Event-ID` gets every event once. Nothing is kept for a client that takes nothing but
//! [`PAGES_AHEAD`]; after [`PATIENCE`] it is cut off, and goes on with `Last-Event-ID`.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use axum::response::IntoResponse;
use everstep_engine::log::{Direction, Query};
use everstep_engine::{Engine, RecordedPage, Rejection};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use super::events::position_of;
use super::form::{Form, push_line};
use super::target::Page;
use crate::api::json::Answer;
use crate::api::{Api, Problem, blocking};

/// So many events are read in place.
const SMALL_PAGE: usize = 100;
/// Pages that wait for a slow client before the reader waits too.
const PAGES_AHEAD: usize = 2;
/// How long a client may take nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// A comment is sent after so long a silence, so that nothing between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events that somebody reads.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    pub(super) namespace: String,
    pub(super) query: Query,
    pub(super) page: Page,
}

/// What is shown of a page, and the first position that was not looked at.
struct Read<T> {
    shown: T,
    is_empty: bool,
    next: u64,
}

/// What is shown of a page.
trait Show<T>: Fn(RecordedPage) -> Result<T, Rejection> + Copy + Send + 'static {}

impl<T, F: Fn(RecordedPage) -> Result<T, Rejection> + Copy + Send + 'static> Show<T> for F {}

impl Follow {
    fn read(&self, engine: &Engine) -> Result<RecordedPage, Rejection> {
        let Self { namespace, query, page } = self;
        let log = engine.log(namespace)?;
        let reader = log.reader();
        let events = reader.matching(query, page.from, page.direction, page.size + 1)?;
        let events = page.schema.read_all(engine, events);
        RecordedPage::new(events, page.size, &reader, |last| page.token(position_of(last)))
    }

    /// Whether the rarest tag of what is asked for has no more events than a small page.
    fn finds_little(&self, engine: &Engine) -> Result<bool, Rejection> {
        let [item] = &self.query.items[..] else { return Ok(false) };
        let log = engine.log(&self.namespace)?;
        let reader = log.reader();
        for tag in &item.tags {
            if reader.scope_head(tag)?.events <= SMALL_PAGE as u64 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn shown<T>(&self, page: RecordedPage, show: impl Show<T>) -> Result<Read<T>, Rejection> {
        let next = match (&page.next_page_token, page.events.last()) {
            (Some(_), Some(last)) => last.position() + 1,
            _ => page.last_position.saturating_add(1).max(self.page.from),
        };
        Ok(Read { is_empty: page.events.is_empty(), next, shown: show(page)? })
    }

    async fn read_off<T: Send + 'static>(
        &self,
        api: &Api,
        show: impl Show<T>,
    ) -> Result<Read<T>, Problem> {
        // What is little is read in less time than it takes to ask another thread.
        if self.page.size <= SMALL_PAGE || self.finds_little(api.engine())? {
            return Ok(self.shown(self.read(api.engine())?, show)?);
        }
        let own = self.clone();
        blocking::read(api, move |engine| own.shown(own.read(engine)?, show)).await
    }

    /// A page in the form that the client asks for; when there is no event yet, the first that come
    /// within `wait`.
    pub(super) async fn page(&self, api: &Api, headers: &HeaderMap, wait: Duration) -> Answer {
        let form = Form::asked(headers);
        self.first(api, move |page| form.write(page), wait).await?.answer()
    }

    async fn first<T: Send + 'static>(
        &self,
        api: &Api,
        show: impl Show<T>,
        wait: Duration,
    ) -> Result<T, Problem> {
        if wait.is_zero() || self.page.direction == Direction::Backwards {
            return Ok(self.read_off(api, show).await?.shown);
        }
        let mut news = api.engine().follow_log(&self.namespace)?;
        let deadline = Instant::now() + wait;
        let mut own = self.clone();
        Ok(own.next(api, show, (&mut news, deadline)).await?.shown)
    }

    /// The next events that match, or none at the deadline.
    async fn next<T: Send + 'static>(
        &mut self,
        api: &Api,
        show: impl Show<T>,
        (news, deadline): (&mut watch::Receiver<u64>, Instant),
    ) -> Result<Read<T>, Problem> {
        loop {
            news.mark_unchanged();
            let read = self.read_off(api, show).await?;
            self.page.from = read.next;
            let over = Instant::now() >= deadline || api.draining().has_begun();
            if over || !read.is_empty {
                return Ok(read);
            }
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return Ok(read) },
                () = sleep_until(deadline) => {}
                () = api.draining().begun() => {}
            }
        }
    }
}

/// Whether the client asks for server-sent events.
pub(super) fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

/// The events as they come, for ever.
pub(super) fn stream(api: &Api, mut follow: Follow, headers: &HeaderMap) -> Answer {
    if follow.page.direction == Direction::Backwards {
        return Err(Problem::invalid("server-sent events come forwards"));
    }
    if let Some(last) = last_event_id(headers)? {
        follow.page.from = last.saturating_add(1);
    }
    follow.page.size = SMALL_PAGE;
    let news = api.engine().follow_log(&follow.namespace)?;
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(feed(api.clone(), follow, news, sender));
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Sends pages until there is nobody to send to.
async fn feed(
    api: Api,
    mut follow: Follow,
    mut news: watch::Receiver<u64>,
    sender: mpsc::Sender<Result<Bytes, Infallible>>,
) {
    loop {
        let deadline = Instant::now() + KEEP_ALIVE;
        let read = tokio::select! {
            read = follow.next(&api, |page| frames(&page), (&mut news, deadline)) => read,
            () = sender.closed() => return,
        };
        let Read { shown, is_empty, .. } = match read {
            Ok(read) => read,
            Err(problem) => {
                tracing::warn!(?problem, "failed to read on for a stream of events");
                return;
            }
        };
        if is_empty && api.draining().has_begun() {
            return;
        }
        let chunk = if is_empty { Bytes::from_static(b":\n\n") } else { shown };
        tokio::select! {
            sent = sender.send_timeout(Ok(chunk), PATIENCE) => match sent {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(_)) => return api.metrics().follower_cut_off(),
                Err(SendTimeoutError::Closed(_)) => return,
            },
            () = api.draining().begun() => return,
        }
    }
}

/// `id:` and `data:` of each event.
fn frames(page: &RecordedPage) -> Result<Bytes, Rejection> {
    let mut frames = Vec::new();
    for event in &page.events {
        let (position, event_type) = (event.position(), one_line(event.event_type()));
        // Writing to a vector cannot fail.
        let _ = write!(frames, "id: {position}\nevent: {event_type}\ndata: ");
        push_line(&mut frames, event)?;
        frames.extend_from_slice(b"\n\n");
    }
    Ok(frames.into())
}

/// Types hold no control characters; what an older store holds must not break a frame either.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// None when the header is absent or empty, as browsers send it before the first event.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(id) = headers.get("last-event-id") else { return Ok(None) };
    let text = id.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        Problem::invalid(format!("header `Last-Event-ID` must be a position, found `{text}`"))
    })
}
