//! `POST /api/v1/schedules/preview`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{ScheduleSpec, Timestamp, Upcoming};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::{Api, Problem, body};

/// Where it is.
pub(super) const PATH: &str = "/api/v1/schedules/preview";
/// Firings that are shown when nothing is said.
const DEFAULT_COUNT: usize = 5;

/// A spec to try.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PreviewSchedule)]
pub(super) struct PreviewBody {
    /// When it would fire.
    spec: ScheduleSpec,
    /// The id that the schedule would have; jitter depends on it.
    id: Option<String>,
    /// From when on; now when absent.
    #[schema(value_type = Option<String>)]
    after: Option<Timestamp>,
    /// How many; 5 when absent, clamped to 1,000.
    count: Option<usize>,
}

/// When a spec fires.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub(super) struct Preview {
    /// The instants that it names.
    #[schema(value_type = Vec<String>)]
    next: Vec<Timestamp>,
    /// The same with what jitter makes of them.
    upcoming: Vec<Upcoming>,
}

/// Preview a spec
///
/// Changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/schedules/preview",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "schedules",
    request_body = PreviewBody,
    responses(
        (status = 200, description = "its next firings", body = Preview),
        (status = 422, description = "a spec that cannot be read"),
    ),
)]
pub(super) async fn preview(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let PreviewBody { spec, id, after, count } = body::parse(&body)?;
    let count = count.unwrap_or(DEFAULT_COUNT);
    let id = id.unwrap_or_default();
    let upcoming =
        api.engine().preview_schedule(&id, &spec, after, count).map_err(Problem::from)?;
    let next = upcoming.iter().map(|firing| firing.scheduled_at).collect();
    json(StatusCode::OK, &Preview { next, upcoming })
}
