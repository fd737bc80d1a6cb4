//! `GET /api/v1/workflows/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::RunDescription;

use super::json::{Answer, json};
use super::problem::ProblemBody;
use super::target::selector;
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
        ("id" = String, Path, description = "the workflow's id", min_length = 1, max_length = 512),
        ("run_id" = Option<String>, Query, description = "one run; the newest when absent"),
        ("payloads" = Option<String>, Query, description = "`inline`, or `reference`: a reference in the place of each large payload; `inline` when absent"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    responses(
        (status = 200, description = "the run", body = RunDescription),
        (status = 404, description = "no such workflow or run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "an id that cannot stand in a path", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let engine = api.reader(Parameters::of(&uri))?;
    let description = engine.describe(&selector(&uri)?)?;
    json(StatusCode::OK, &description)
}
