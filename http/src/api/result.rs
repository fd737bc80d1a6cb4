//! `GET /api/v1/workflows/{id}/result`.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::RunResult;

use super::Api;
use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, OneRun, WorkflowPath, selector};

/// Wait for a workflow's result
///
/// Without `run_id` it follows what the workflow continued as; with it, it answers for that run.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/result",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
        ("wait_ms" = Option<u64>, Query, description = "wait so long for the run to close, in milliseconds; clamped to 60000"),
    ),
    responses(
        (status = 200, description = "the run is closed", body = RunResult),
        (status = 202, description = "the run is still open", body = RunResult),
        (status = 404, description = "no such workflow or run"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn result(State(api): State<Api>, uri: Uri) -> Answer {
    let selector = selector(&uri)?;
    let wait = Parameters::of(&uri).wait("wait_ms")?.unwrap_or_default();
    let engine = api.engine();
    let result = tokio::select! {
        biased;
        result = engine.result(&selector, wait) => result?,
        () = api.draining().begun() => engine.result(&selector, Duration::ZERO).await?,
    };
    let status = if result.status.is_closed() { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, &result)
}
