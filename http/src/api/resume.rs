//! `POST /api/v1/workflows/{id}/resume`.

use axum::extract::{Request, State};

use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, body};

/// Resume a workflow
///
/// Lets a paused run go on: its code sees what was recorded meanwhile, in its order, and attempts
/// that became due are started. A run that is not paused goes on as it does.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/resume",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 202, description = "it goes on", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn resume(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    // There is nothing to say in it, but it has to be off the wire before the answer.
    body::read(&api, &head.headers, body).await?;
    api.engine().resume(&selector(&head.uri)?).await?;
    Ok(accepted())
}
