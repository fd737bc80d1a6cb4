//! `DELETE /api/v1/workflows/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;

use super::Api;
use super::json::Answer;
use super::target::{InNamespace, OneRun, WorkflowPath, selector};

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
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is open"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, uri: Uri) -> Answer {
    api.engine().delete(&selector(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
