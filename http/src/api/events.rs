//! `GET /api/v1/workflows/{id}/events`: the history as server-sent events, live.
//!
//! Invariant: an event's SSE id is its event id, so a client that resumes from `Last-Event-ID`
//! gets every event once. The stream ends when the run is closed and everything was sent, when
//! the client is gone, or when the server drains.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use everstep_engine::EventView;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::follow::Follower;
use super::json::Answer;
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, Parameters, Problem};

/// Events that are read at once.
const PAGE_SIZE: usize = 100;
/// Pages that wait for a slow client before the reader waits too.
const PAGES_AHEAD: usize = 2;
/// A comment is sent after so long a silence, so that nothing between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follow a workflow's history
///
/// The events of `history` as server-sent events, live. Ends when the run is closed.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/events",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        ("payloads" = Option<String>, Query, description = "`inline`, or `reference`: a reference in the place of each large payload; `inline` when absent"),
        InNamespace,
        ("Last-Event-ID" = Option<u64>, Header, description = "the last event that was received"),
    ),
    responses(
        (status = 200, description = "the stream", body = String, content_type = "text/event-stream"),
        (status = 404, description = "no such workflow or run"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn events(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    let engine = api.reader(Parameters::of(&uri))?;
    let follower = Follower::of(&api, engine, selector(&uri)?)?;
    let from = last_event_id(&headers)?.saturating_add(1);
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(feed(follower, from, api, sender));
    Ok(stream(receiver))
}

/// Sends pages until there is no more to send or nobody to send to.
async fn feed(
    mut follower: Follower,
    mut from: u64,
    api: Api,
    sender: mpsc::Sender<Result<Bytes, Infallible>>,
) {
    loop {
        let page = tokio::select! {
            page = follower.next(from, PAGE_SIZE, KEEP_ALIVE) => page,
            () = sender.closed() => return,
        };
        let page = match page {
            Ok(page) => page,
            Err(problem) => {
                tracing::warn!(?problem, "failed to read on for a stream of events");
                return;
            }
        };
        let chunk = match page.events.is_empty() {
            true => Bytes::from_static(b":\n\n"),
            false => page.events.iter().fold(Vec::new(), frame).into(),
        };
        if let Some(last) = page.events.last() {
            from = last.event_id.saturating_add(1);
        }
        let ended = page.closed && page.next_event_id.is_none();
        if (ended || api.draining().has_begun()) && page.events.is_empty() {
            return;
        }
        // A client that takes nothing must not hold the server up when it drains.
        tokio::select! {
            sent = sender.send(Ok(chunk)) => if sent.is_err() || ended { return },
            () = api.draining().begun() => return,
        }
    }
}

/// Appends `id:` and `data:` of one event.
fn frame(mut into: Vec<u8>, event: &EventView) -> Vec<u8> {
    // Writing to a vector cannot fail, nor has an event no JSON form.
    let _ = write!(into, "id: {}\ndata: ", event.event_id);
    let data = into.len();
    let _ = serde_json::to_writer(&mut into, event);
    // A payload keeps its sender's line breaks, which JSON allows between tokens only.
    for byte in &mut into[data..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    into.extend_from_slice(b"\n\n");
    into
}

fn stream(receiver: mpsc::Receiver<Result<Bytes, Infallible>>) -> Response {
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// 0 when the header is absent or empty, as browsers send it before the first event.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(id) = headers.get("last-event-id") else {
        return Ok(0);
    };
    let text = id.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Problem::invalid(format!("header `Last-Event-ID` must be an event id, found `{text}`"))
    })
}
