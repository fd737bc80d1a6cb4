//! `POST /api/v1/schedules`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::ScheduleDescription;

use super::body::CreateBody;
use super::target::{check_schedule_id, namespace};
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, blocking, body};

/// Create a schedule
///
/// Durable when answered. It fires for the first time at the first instant after now.
#[utoipa::path(
    post,
    path = "/api/v1/schedules",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(InNamespace),
    request_body = CreateBody,
    responses(
        (status = 201, description = "created", body = ScheduleDescription),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the id is taken"),
        (status = 422, description = "a spec that names no instant, an unknown workflow type, or an input that it cannot take"),
    ),
)]
pub(super) async fn create(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let (id, input) = body::parse::<CreateBody>(&body)?.into_parts()?;
    check_schedule_id(&id)?;
    api.engine().create_schedule(&namespace, &id, input).await?;
    let created = blocking::read(&api, move |engine| engine.schedule(&namespace, &id)).await?;
    json(StatusCode::CREATED, &created)
}
