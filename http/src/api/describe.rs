//! `GET /api/v1/workflows/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::RunDescription;

use super::json::{Answer, json};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, Parameters};

/// Describe a workflow
///
/// Everything about the newest run, or the one named, but its events.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        ("payloads" = Option<String>, Query, description = "`inline`, or `reference`: a reference in the place of each large payload; `inline` when absent"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the run", body = RunDescription),
        (status = 404, description = "no such workflow or run"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let engine = api.reader(Parameters::of(&uri))?;
    let description = engine.describe(&selector(&uri)?)?;
    json(StatusCode::OK, &description)
}
