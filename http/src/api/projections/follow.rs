//! `GET /api/v1/projections/{name}/events` and `…/rows/{key}/events`: views as server-sent events.
//!
//! Invariant: a client that takes nothing for [`PATIENCE`], or falls too far behind, is cut off;
//! with `Last-Event-ID` it goes on where it was.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use bytes::Bytes;
use everstep_engine::LoggedEvent;
use everstep_workflows::projections::{Following, Frame, RowChange, RowView, Subscription};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio_stream::wrappers::ReceiverStream;

use super::{KEY, NAME};
use crate::api::events::last_event_id;
use crate::api::json::Answer;
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, blocking};

/// Frames that wait for a client.
const FRAMES_AHEAD: usize = 64;
/// How long a client may take nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// A comment is sent after so long a silence.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follow a view projection
///
/// A frame `row` for each row that changes, from the commit of the event on: as reading the row
/// answers it; its id is the event's position. `durable` says up to where the durable rows are, and
/// `resync` that too much was missed: read the rows again. Only view projections are followed.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/events",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
        ("events" = Option<bool>, Query, description = "each `row` has the `events` that led to it since the frame before; then a frame's id is the last of them"),
        ("Last-Event-ID" = Option<u64>, Header, description = "the last frame that was received"),
    ),
    responses(
        (status = 200, description = "the stream", body = String, content_type = "text/event-stream"),
        (status = 404, description = "no such projection or namespace"),
        (status = 422, description = "`SUBSCRIPTIONS_NOT_SUPPORTED`"),
    ),
)]
pub(super) async fn all(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    follow(api, &uri, &headers, None).await
}

/// Follow a row of a view projection
///
/// Begins with the row as it is, unless `Last-Event-ID` says that the client has it.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/rows/{key}/events",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        ("key" = String, Path, description = "the row's key"),
        InNamespace,
        ("events" = Option<bool>, Query, description = "each `row` has the `events` that led to it since the frame before; then a frame's id is the last of them"),
        ("Last-Event-ID" = Option<u64>, Header, description = "the last frame that was received"),
    ),
    responses(
        (status = 200, description = "the stream", body = String, content_type = "text/event-stream"),
        (status = 404, description = "no such projection or namespace"),
        (status = 422, description = "`SUBSCRIPTIONS_NOT_SUPPORTED`"),
    ),
)]
pub(super) async fn one(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    let key = segment(&uri, KEY, "row")?.into_owned();
    check_text("row", &key)?;
    follow(api, &uri, &headers, Some(key)).await
}

async fn follow(api: Api, uri: &Uri, headers: &HeaderMap, key: Option<String>) -> Answer {
    let namespace = namespace(uri)?;
    let name = segment(uri, NAME, "projection")?.into_owned();
    let after = match headers.contains_key("last-event-id") {
        true => Some(last_event_id(headers)?),
        false => None,
    };
    let with_events = Parameters::of(uri).flag("events")?;
    let service = api.projections().clone();
    let handle = tokio::runtime::Handle::current();
    let subscription = blocking::run(move || {
        let _within = handle.enter();
        service.follow(&namespace, &name, Following { key, after, with_events })
    });
    let subscription = subscription.await?;
    let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
    tokio::spawn(feed(subscription, with_events, api, sender));
    let mut response = Body::from_stream(ReceiverStream::new(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn feed(
    mut subscription: Subscription,
    with_events: bool,
    api: Api,
    sender: mpsc::Sender<Result<Bytes, Infallible>>,
) {
    // The headers go out with the first bytes.
    let mut chunk = Bytes::from_static(b":\n\n");
    loop {
        tokio::select! {
            sent = sender.send_timeout(Ok(chunk), PATIENCE) => match sent {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(_)) => return api.metrics().follower_cut_off(),
                Err(SendTimeoutError::Closed(_)) => return,
            },
            () = api.draining().begun() => return,
        }
        chunk = tokio::select! {
            frame = subscription.next() => match frame {
                Some(frame) => written(&frame, with_events),
                None if subscription.is_behind() => return api.metrics().follower_cut_off(),
                None => return,
            },
            () = tokio::time::sleep(KEEP_ALIVE) => Bytes::from_static(b":\n\n"),
            () = sender.closed() => return,
            () = api.draining().begun() => return,
        };
    }
}

/// A row, with the events that led to it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    row: &'a RowView,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<LoggedEvent>>,
}

impl<'a> Told<'a> {
    /// What is told of a change, and the id of its frame.
    fn of(change: &'a RowChange, with_events: bool) -> (Self, u64) {
        let RowChange { row, events } = change;
        let id = events.last().filter(|_| with_events).map_or(row.position, |last| last.position());
        // One that has no form to be shown in is not told of.
        let shown = || events.iter().filter_map(|event| LoggedEvent::try_from(event).ok());
        (Self { row, events: with_events.then(|| shown().collect()) }, id)
    }
}

fn written(frame: &Frame, with_events: bool) -> Bytes {
    let mut text = String::new();
    // Writing to a string cannot fail, and a row has a JSON form.
    let _ = match frame {
        Frame::Row(change) => {
            let (told, id) = Told::of(change, with_events);
            let data = serde_json::to_string(&told).unwrap_or_default();
            // A payload keeps its sender's line breaks, which JSON allows between tokens only.
            let data = data.replace(['\n', '\r'], " ");
            write!(text, "id: {id}\nevent: row\ndata: {data}\n\n")
        }
        Frame::Durable(position) => {
            write!(text, "event: durable\ndata: {{\"durable_position\":{position}}}\n\n")
        }
        Frame::Resync(position) => {
            write!(text, "id: {position}\nevent: resync\ndata: {{\"position\":{position}}}\n\n")
        }
    };
    text.into()
}
