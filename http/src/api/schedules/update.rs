//! `PUT /api/v1/schedules/{id}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::ScheduleDescription;

use super::body::UpdateBody;
use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, blocking, body};

/// Change a schedule
///
/// Replaces what its owner decides. What it did stays, its open runs go on, and no instant fires
/// twice.
#[utoipa::path(
    put,
    path = "/api/v1/schedules/{id}",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = UpdateBody,
    responses(
        (status = 200, description = "changed", body = ScheduleDescription),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "a spec that names no instant, an unknown workflow type, or an input that it cannot take"),
    ),
)]
pub(super) async fn update(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, schedule_id(&head.uri)?);
    let input = body::parse::<UpdateBody>(&body)?.into_input()?;
    api.engine().update_schedule(&namespace, &id, input).await?;
    let changed = blocking::read(&api, move |engine| engine.schedule(&namespace, &id)).await?;
    json(StatusCode::OK, &changed)
}
