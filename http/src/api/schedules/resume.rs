//! `POST /api/v1/schedules/{id}/resume`.

use axum::extract::{Request, State};

use super::body::NoteBody;
use super::target::{namespace, schedule_id};
use crate::api::json::{Answer, accepted};
use crate::api::target::InNamespace;
use crate::api::{Api, body};

/// Resume a schedule
///
/// It goes on from now; firings that came meanwhile are counted in `counters.paused_over`, and a
/// backfill makes them up.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/{id}/resume",
    security(("token" = ["operator"])),
    tag = "schedules",
    params(
        ("id" = String, Path, description = "the schedule's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = Option<NoteBody>,
    responses(
        (status = 202, description = "resumed", body = serde_json::Value),
        (status = 404, description = "no such schedule"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn resume(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, schedule_id(&head.uri)?);
    let NoteBody { note } = body::parse_or_default(&body)?;
    api.engine().resume_schedule(&namespace, &id, note).await?;
    Ok(accepted())
}
