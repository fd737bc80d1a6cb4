//! `POST /api/v1/workflows/{id}/pause`.

use axum::extract::{Request, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, body};

/// Why a run is paused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Pause)]
pub(super) struct PauseBody {
    /// For the history, and for whoever reads it.
    reason: Option<String>,
}

/// Pause a workflow
///
/// Stops dispatching the run: attempts that run may finish, timers and signals are recorded and
/// acted on when it is resumed. Pausing a paused run changes nothing. An empty body gives no
/// reason.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/pause",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    request_body = Option<PauseBody>,
    responses(
        (status = 202, description = "paused", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn pause(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let PauseBody { reason } = body::parse_or_default(&body)?;
    api.engine().pause(&selector, reason.unwrap_or_default()).await?;
    Ok(accepted())
}
