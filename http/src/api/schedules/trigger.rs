//! `POST /api/v1/schedules/{id}/trigger`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{Overlap, Triggered};
use serde::Deserialize;
use utoipa::ToSchema;

use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, body};

/// How to fire.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = TriggerSchedule)]
pub(super) struct TriggerBody {
    /// What to do when a run is open; as the schedule says when absent.
    overlap: Option<Overlap>,
}

/// Fire a schedule now
///
/// Also while it is paused; does not count against its limit. The answer says whether a run was
/// started, waits for the open one, or was skipped because of it.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/{id}/trigger",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = Option<TriggerBody>,
    responses(
        (status = 202, description = "what came of it", body = Triggered),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "its workflow cannot be started"),
    ),
)]
pub(super) async fn trigger(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, schedule_id(&head.uri)?);
    let TriggerBody { overlap } = body::parse_or_default(&body)?;
    let outcome = api.engine().trigger_schedule(&namespace, &id, overlap).await?;
    json(StatusCode::ACCEPTED, &outcome)
}
