//! `POST /api/v1/projections/{name}/pause` and `/resume`.

use axum::extract::{Request, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Call, NAME};
use crate::api::json::{Answer, accepted};
use crate::api::target::{InNamespace, namespace, segment};
use crate::api::{Api, body};

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = PauseProjection)]
pub(super) struct PauseBody {
    /// What whoever looks at it is told.
    #[serde(default)]
    reason: String,
}

/// Pause a projection
///
/// Its checkpoint stays where it is until it is resumed, over restarts; its rows are read on, with
/// the events that came meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/pause",
    security(("token" = ["operator"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    request_body = PauseBody,
    responses(
        (status = 202, description = "paused", body = serde_json::Value),
        (status = 404, description = "no such projection or namespace"),
        (status = 409, description = "it is kept in the transactions that append"),
    ),
)]
pub(super) async fn pause(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let PauseBody { reason } =
        if body.is_empty() { PauseBody::default() } else { body::parse(&body)? };
    let name = segment(&head.uri, NAME, "projection")?;
    api.projections().pause(&namespace(&head.uri)?, &name, &reason).await?;
    Ok(accepted())
}

/// Resume a projection
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/resume",
    security(("token" = ["operator"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 202, description = "resumed", body = serde_json::Value),
        (status = 404, description = "no such projection or namespace"),
    ),
)]
pub(super) async fn resume(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name } = Call::read(&api, request).await?;
    api.projections().resume(&namespace, &name).await?;
    Ok(accepted())
}
