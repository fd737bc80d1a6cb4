//! `GET /api/v1/projections` and `…/{name}`: what projections there are and how they are.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_workflows::projections::ProjectionStatus;
use serde::Serialize;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

/// All projections.
#[derive(Serialize)]
struct List {
    projections: Vec<ProjectionStatus>,
}

/// List projections
///
/// What each is for, how it is kept, how far it is and by how many events it is behind: `name`,
/// `category`, `delivery`, `query_pattern`, `reactive`, `contract`?, `publishes`?
/// (`event_type`, and `position` and `lag` of what is told), `status` (`current`, `catching_up`,
/// `paused`, `failing`, `stalled`), `position`, `last_position`, `lag`, `events`,
/// `quarantined`, `rebuild`?, `updated_at`?, `reason`?.
#[utoipa::path(
    get,
    path = "/api/v1/projections",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(InNamespace),
    responses(
        (status = 200, description = "all of them, by name", body = serde_json::Value),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let service = api.projections().clone();
    let projections = blocking::run(move || service.statuses(&namespace)).await?;
    json(StatusCode::OK, &List { projections })
}

/// Describe a projection
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "how it is, as in the list", body = serde_json::Value),
        (status = 404, description = "no such projection or namespace"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let Call { namespace, name } = Call::of(&uri)?;
    let service = api.projections().clone();
    json(StatusCode::OK, &blocking::run(move || service.status(&namespace, &name)).await?)
}
