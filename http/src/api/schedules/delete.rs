//! `DELETE /api/v1/schedules/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;

use super::target::{namespace, schedule_id};
use crate::api::Api;
use crate::api::json::Answer;
use crate::api::target::InNamespace;

/// Delete a schedule
///
/// Runs that it started go on; what waits for their end is dropped.
#[utoipa::path(
    delete,
    path = "/api/v1/schedules/{id}",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, schedule_id(&uri)?);
    api.engine().delete_schedule(&namespace, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
