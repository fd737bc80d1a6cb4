//! `/api/v1/subjects`: people whose personal data events carry, and making it unreadable.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::fat_events::{self, FatEvent};
use everstep_engine::log::{Append, Direction, Expected, RecordedEvent, StreamId};
use everstep_engine::{ActivityError, Engine, LoggedEvent, Payload, Rejection, Selector};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, Parameters, Problem, blocking, body};

/// Place of the id in `/api/v1/subjects/{id}`.
const ID: usize = 4;
/// How long a request waits until the key is overwritten.
const WAIT: Duration = Duration::from_secs(10);

fn id(uri: &Uri) -> Result<String, Problem> {
    let id = segment(uri, ID, "subject")?;
    check_text("subject", &id)?;
    Ok(id.into_owned())
}

fn not_found() -> ActivityError {
    ActivityError::new("SUBJECT_NOT_FOUND", "no personal data is kept about this subject")
}

/// Show a subject
///
/// Whether its data can be read. The id is not stored: what is kept is a keyed hash of it.
#[utoipa::path(
    get,
    path = "/api/v1/subjects/{id}",
    security(("token" = ["operator"])),
    tag = "subjects",
    params(
        ("id" = String, Path, description = "the subject's id, as the events' payloads have it"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "`subject_hash`, `status`, `since`, `shredded_at`", body = Value),
        (status = 404, description = "nothing is kept about it"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, id(&uri)?);
    let found = api
        .engine()
        .transact(&namespace, move |tx| fat_events::subject(tx, &id)?.ok_or_else(not_found));
    json(StatusCode::OK, &found.await?)
}

/// Shred a subject
///
/// Its key is overwritten, so that its personal data can be read by nobody any more: not here, and
/// not from a copy. An event `$SubjectShredded` tells of it. There is no way back.
#[utoipa::path(
    delete,
    path = "/api/v1/subjects/{id}",
    security(("token" = ["admin"])),
    tag = "subjects",
    params(
        ("id" = String, Path, description = "the subject's id, as the events' payloads have it"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "shredded", body = Value),
        (status = 202, description = "it will be, in a moment", body = Value),
        (status = 404, description = "nothing is kept about it"),
    ),
)]
pub(super) async fn shred(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, id(&uri)?);
    let asked = id.clone();
    let engine = api.engine();
    let (_, workflow_id) =
        engine.transact(&namespace, move |tx| fat_events::start_shred(tx, &asked)).await?;
    let selector = Selector { namespace: namespace.clone(), workflow_id, run_id: None };
    let done = match engine.result(&selector, WAIT).await {
        Ok(result) => result.status.is_closed(),
        // Shredded before, and forgotten since.
        Err(_) => true,
    };
    let found =
        engine.transact(&namespace, move |tx| fat_events::subject(tx, &id)?.ok_or_else(not_found));
    json(if done { StatusCode::OK } else { StatusCode::ACCEPTED }, &found.await?)
}

/// A fat event to append.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AppendFatEvent)]
pub(super) struct FatEventBody {
    /// An event type that is registered.
    event_type: String,
    /// The stream's type.
    stream_type: String,
    /// The stream's id.
    stream_id: String,
    /// The version that the stream must have; any when absent.
    expected_version: Option<u64>,
    /// All that a consumer needs.
    #[schema(value_type = Value)]
    data: Map<String, Value>,
    /// What it is found by.
    #[serde(default)]
    tags: Vec<String>,
    /// The context that writes it; with `to`, the publication is checked.
    from: Option<String>,
    /// The context that it is for.
    to: Option<String>,
}

/// Append a fat event
///
/// It is checked against the newest version of its schema, which it carries; its personal fields are
/// sealed under their subject's key.
#[utoipa::path(
    post,
    path = "/api/v1/fat-events",
    security(("token" = ["app"])),
    tag = "subjects",
    params(InNamespace),
    request_body = FatEventBody,
    responses(
        (status = 201, description = "`position`, `schema_version`", body = Value),
        (status = 404, description = "the type is not registered"),
        (status = 409, description = "the stream has another version"),
        (status = 422, description = "it is not what its schema says"),
    ),
)]
pub(super) async fn append(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let wanted: FatEventBody = body::parse(&body)?;
    let answer = api.engine().transact(&namespace, move |tx| {
        let mut event = FatEvent::new(&wanted.event_type);
        for (name, value) in wanted.data {
            event = event.field(&name, value)?;
        }
        let event = wanted.tags.into_iter().fold(event, FatEvent::tag).build(tx)?;
        if let (Some(from), Some(to)) = (&wanted.from, &wanted.to) {
            fat_events::check_publication(tx, from, to, &wanted.event_type, event.category)?;
        }
        let schema_version = event.schema_version;
        let stream = StreamId::new(wanted.stream_type, wanted.stream_id);
        let expected = wanted.expected_version.map_or(Expected::Any, Expected::Version);
        let appended = tx.append(Append::to(stream, expected, vec![event]))?;
        let position = appended.written().first_position;
        Ok(json!({ "position": position, "schema_version": schema_version }))
    });
    json(StatusCode::CREATED, &answer.await?)
}

/// Events with their personal data.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct FatEvents {
    /// In the order of their versions.
    events: Vec<LoggedEvent>,
}

/// Read fat events
///
/// A stream's events with their personal fields opened; those of a subject that was shredded are
/// `{"shredded": true}`. The other routes show these fields sealed.
#[utoipa::path(
    get,
    path = "/api/v1/fat-events",
    security(("token" = ["app"])),
    tag = "subjects",
    params(
        ("stream_type" = String, Query, description = "the stream's type"),
        ("stream_id" = String, Query, description = "the stream's id"),
        ("after" = Option<u64>, Query, description = "only events after this version"),
        ("page_size" = Option<usize>, Query, description = "at most 1,000; 100 when absent"),
        InNamespace,
    ),
    responses((status = 200, description = "the events", body = FatEvents)),
)]
pub(super) async fn events(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let required = |name: &str| -> Result<String, Problem> {
        let text = parameters.text(name)?.unwrap_or_default();
        check_text(&format!("parameter `{name}`"), &text)?;
        Ok(text.into_owned())
    };
    let stream = StreamId::new(required("stream_type")?, required("stream_id")?);
    let after = parameters.number("after")?.unwrap_or(0);
    let size = parameters.page_size(100, 1_000)?;
    let events = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        let found =
            log.reader().stream(&stream, after.saturating_add(1), Direction::Forwards, size)?;
        found.iter().map(|event| opened(engine, &namespace, event)).collect()
    });
    json(StatusCode::OK, &FatEvents { events: events.await? })
}

fn opened(
    engine: &Engine,
    namespace: &str,
    event: &RecordedEvent,
) -> Result<LoggedEvent, Rejection> {
    let mut shown = LoggedEvent::try_from(event)?;
    // What is no JSON object has no personal fields.
    if let Ok(data) = fat_events::open_event(engine, namespace, event)
        && let Ok(data) = Payload::from_value(&data)
    {
        shown.data = data;
    }
    Ok(shown)
}
