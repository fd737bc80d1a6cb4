//! `DELETE /api/v1/workflows/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;

use super::Api;
use super::json::Answer;
use super::problem::ProblemBody;
use super::target::selector;

/// Delete a workflow
///
/// Deletes a closed run with everything that is stored of it. Of several runs of the id the newest
/// that is left stands for it.
#[utoipa::path(
    delete,
    path = "/api/v1/workflows/{id}",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        ("id" = String, Path, description = "the workflow's id", min_length = 1, max_length = 512),
        ("run_id" = Option<String>, Query, description = "one run; the newest when absent"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such workflow or run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the run is open", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "an id that cannot stand in a path", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, uri: Uri) -> Answer {
    api.engine().delete(&selector(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
