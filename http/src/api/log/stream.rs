//! `GET /api/v1/streams`, `/{stream}` and `/{stream}/events`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use everstep_engine::log::{RecordedEvent, StreamId};
use everstep_engine::{LogPage, RecordedPage, StreamDescription};
use serde::Serialize;
use utoipa::ToSchema;

use super::form::Form;
use super::target::{Page, stream};
use crate::api::error_code as codes;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1_000;

/// A page of streams.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamPage {
    streams: Vec<StreamDescription>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// List streams
///
/// In the order of their types and ids.
#[utoipa::path(
    get,
    path = "/api/v1/streams",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("type_prefix" = Option<String>, Query, description = "only streams whose type begins so"),
        ("page_size" = Option<u64>, Query, description = "streams a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = StreamPage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let prefix = parameters.text("type_prefix")?.unwrap_or_default().into_owned();
    let after = parameters.page_token()?.map(|token| StreamId::from(&*token));
    let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        let mut found = log.reader().streams(&prefix, after.as_ref(), size + 1)?;
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = found.last().filter(|_| more).map(|(last, _)| last.to_string());
        let streams = found.iter().map(|(stream, head)| StreamDescription::new(stream, *head));
        Ok(StreamPage { streams: streams.collect(), next_page_token })
    });
    json(StatusCode::OK, &page.await?)
}

/// Describe a stream
#[utoipa::path(
    get,
    path = "/api/v1/streams/{stream}",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("stream" = String, Path, description = "the stream, `Type:id`", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the stream", body = StreamDescription),
        (status = 404, description = "no such stream"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, (name, stream)) = (namespace(&uri)?, stream(&uri)?);
    let found = stream.clone();
    let head = blocking::read(&api, move |engine| {
        Ok(engine.log(&namespace)?.reader().stream_head(&found)?)
    })
    .await?;
    match head.events {
        0 => Err(unknown(&name)),
        _ => json(StatusCode::OK, &StreamDescription::new(&stream, head)),
    }
}

/// Read a stream
///
/// Its events by their versions; as lines with `Accept: application/x-ndjson`, as of the events by
/// position.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{stream}/events",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("stream" = String, Path, description = "the stream, `Type:id`", min_length = 1, max_length = 512),
        ("from" = Option<u64>, Query, description = "the first version, inclusive", minimum = 0),
        ("after" = Option<u64>, Query, description = "only events after this version", minimum = 0),
        ("direction" = Option<String>, Query, description = "`forwards` (when absent) or `backwards`"),
        ("page_size" = Option<u64>, Query, description = "events a page; 100 when absent, clamped to 5000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; wins over `from`"),
        ("schema" = Option<String>, Query, description = "`stored` (when absent): data as they were written; `latest`: in the newest version that the worker declares a schema of"),
        InNamespace,
    ),
    responses(
        (
            status = 200,
            description = "a page",
            content((LogPage = "application/json"), (String = "application/x-ndjson")),
        ),
        (status = 404, description = "no such stream"),
    ),
)]
pub(super) async fn events(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    let form = Form::asked(&headers);
    let (namespace, (name, stream), page) = (namespace(&uri)?, stream(&uri)?, Page::of(&uri)?);
    let found = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        let reader = log.reader();
        if reader.stream_head(&stream)?.events == 0 {
            return Ok(None);
        }
        let events = reader.stream(&stream, page.from, page.direction, page.size + 1)?;
        let events = page.schema.read_all(engine, events);
        let token = |last: &RecordedEvent| page.token(last.version());
        form.write(RecordedPage::new(events, page.size, &reader, token)?).map(Some)
    });
    match found.await? {
        Some(page) => page.answer(),
        None => Err(unknown(&name)),
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(codes::STREAM_NOT_FOUND, format!("stream `{name}` does not exist"))
}
