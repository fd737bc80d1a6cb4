//! `POST /api/v1/workflows/{id}/terminate`.

use axum::extract::{Request, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, body};

/// Why a run is terminated.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Terminate)]
pub(super) struct TerminateBody {
    /// For the history, and for whoever reads it.
    reason: Option<String>,
}

/// Terminate a workflow
///
/// Ends the run at once; its code is not asked. An empty body gives no reason.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/terminate",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
    ),
    request_body = Option<TerminateBody>,
    responses(
        (status = 202, description = "ended", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn terminate(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let TerminateBody { reason } = body::parse_or_default(&body)?;
    api.engine().terminate(&selector, reason.unwrap_or_default()).await?;
    Ok(accepted())
}
