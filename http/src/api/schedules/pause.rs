//! `POST /api/v1/schedules/{id}/pause`.

use axum::extract::{Request, State};

use super::body::NoteBody;
use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, accepted};
use crate::api::target::InNamespace;
use crate::api::{Api, body};

/// Pause a schedule
///
/// It starts nothing of its own until it is resumed; triggers and backfills still work. Pausing a
/// paused schedule changes its note.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/{id}/pause",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = Option<NoteBody>,
    responses(
        (status = 202, description = "paused", body = serde_json::Value),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn pause(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, schedule_id(&head.uri)?);
    let NoteBody { note } = body::parse_or_default(&body)?;
    api.engine().pause_schedule(&namespace, &id, note).await?;
    Ok(accepted())
}
