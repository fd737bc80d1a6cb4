//! `POST /api/v1/workflows/{id}/cancel`.

use axum::extract::{Request, State};

use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, body};

/// Cancel a workflow
///
/// Asks the run to end in its own way: its code may clean up first.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/cancel",
    security(("token" = ["app"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 202, description = "asked", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn cancel(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    // There is nothing to say in it, but it has to be off the wire before the answer.
    body::read(&api, &head.headers, body).await?;
    api.engine().cancel(&selector(&head.uri)?).await?;
    Ok(accepted())
}
