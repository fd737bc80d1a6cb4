//! `GET /api/v1/schedules/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::ScheduleDescription;

use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, blocking};

/// Describe a schedule
///
/// With its next firings, its last runs, those that are open, and what became of firings that
/// started nothing.
#[utoipa::path(
    get,
    path = "/api/v1/schedules/{id}",
    security(("token" = ["viewer"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the schedule", body = ScheduleDescription),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, schedule_id(&uri)?);
    api.engine().check_namespace(&namespace)?;
    let found = blocking::read(&api, move |engine| engine.schedule(&namespace, &id)).await?;
    json(StatusCode::OK, &found)
}
