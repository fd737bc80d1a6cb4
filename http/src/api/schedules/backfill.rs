//! `POST /api/v1/schedules/{id}/backfill`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::Backfill;
use serde::Serialize;
use utoipa::ToSchema;

use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, body};

/// What a backfill makes up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Backfilled {
    /// Firings between `from` and `to`, both included.
    firings: u64,
}

/// Backfill a schedule
///
/// Makes up the firings between two instants of the past, in order, also while the schedule is
/// paused. What has run already does not run again and is counted as refused. At most 10,000
/// firings a call.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/{id}/backfill",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = Backfill,
    responses(
        (status = 202, description = "recorded, and done from here on", body = Backfilled),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "instants that are no past, or too many"),
    ),
)]
pub(super) async fn backfill(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, schedule_id(&head.uri)?);
    let backfill = body::parse(&body)?;
    let firings = api.engine().backfill_schedule(&namespace, &id, backfill).await?;
    json(StatusCode::ACCEPTED, &Backfilled { firings })
}
