//! `POST /test/clock/advance`, on a manual clock only.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::{Answer, json};
use super::{Api, body};

/// How far to move the clock.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AdvanceClock)]
pub(super) struct AdvanceBody {
    /// Milliseconds, from 0.
    ms: u64,
}

/// The engine's time after the move.
#[derive(Serialize, ToSchema)]
pub(super) struct ClockAnswer {
    /// The time now.
    #[schema(value_type = String)]
    now: Timestamp,
}

/// Advance the manual clock
///
/// Goes from due instant to due instant and lets the engine settle at each.
#[utoipa::path(
    post,
    path = "/test/clock/advance",
    security(("token" = ["admin"])),
    tag = "test",
    request_body = AdvanceBody,
    responses((status = 200, description = "moved", body = ClockAnswer)),
)]
pub(super) async fn advance(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let AdvanceBody { ms } = body::parse(&body)?;
    let now = api.engine().advance_clock(ms).await?;
    json(StatusCode::OK, &ClockAnswer { now })
}
