//! `GET /api/v1/workflows/{id}/history/{event}/payloads/{index}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{Answer, json};
use super::target::{InNamespace, OneRun, WorkflowPath, segment, selector};
use super::{Api, Problem, blocking};

/// Places in the path after the workflow's id.
const EVENT: usize = 6;
const INDEX: usize = 8;

/// Read one payload of an event
///
/// The value itself, whether it stands in its event or is kept apart: what a reference names that
/// was read with `payloads=reference`.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/history/{event}/payloads/{index}",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("event" = u64, Path, description = "the event's number", minimum = 1),
        ("index" = u16, Path, description = "which of the event's payloads, from 0", minimum = 0),
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 200, description = "the payload", body = serde_json::Value),
        (status = 400, description = "a number that is none"),
        (status = 404, description = "no such workflow, run, event or payload"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn payload(State(api): State<Api>, uri: Uri) -> Answer {
    let selector = selector(&uri)?;
    let event_id: u64 = number(&uri, EVENT, "event")?;
    let index: u16 = number(&uri, INDEX, "index")?;
    let engine = api.engine().clone();
    let payload = blocking::run(move || engine.payload(&selector, event_id, index)).await?;
    json(StatusCode::OK, &payload)
}

fn number<N: std::str::FromStr>(uri: &Uri, place: usize, what: &str) -> Result<N, Problem> {
    let text = segment(uri, place, what)?;
    text.parse().map_err(|_| {
        Problem::invalid(format!("{what} `{text}` in the path is no number, or too large a one"))
    })
}
