//! `POST /api/v1/workflows/{id}/activities/{activity_id}/retry` and `…/task/retry`: what waits for
//! its next try is tried now.

use axum::extract::{Request, State};

use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, number, selector};
use super::{Api, body};

/// Retry an activity now
///
/// Starts the next attempt of an activity that waits for it, without the rest of its pause.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/activities/{activity_id}/retry",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("activity_id" = u32, Path, description = "the activity's id, from `pending_activities`"),
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 202, description = "the attempt is started", body = serde_json::Value),
        (status = 404, description = "no such workflow, run or pending activity"),
        (status = 409, description = "the run is closed, or the activity waits for no attempt"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn activity(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let activity_id = number(&head.uri, "activity id")?;
    api.engine().retry_activity(&selector, activity_id).await?;
    Ok(accepted())
}

/// Retry a stuck task now
///
/// Tries the code of a run again that panicked, no longer follows its history, or has no worker.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/task/retry",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    responses(
        (status = 202, description = "its code is tried again", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed, or its code has not failed"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn task(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    api.engine().retry_task(&selector(&head.uri)?).await?;
    Ok(accepted())
}
