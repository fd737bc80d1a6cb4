//! `GET /api/v1/correlations/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::commands::CommandReader;
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::unreadable;
use super::target::name;
use super::view::{CommandView, EventView};
use crate::api::Api;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};

/// What belongs together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Correlation)]
struct Correlation {
    /// The correlation's id.
    correlation_id: String,
    /// Its commands, in the order in which they came.
    commands: Vec<CommandView>,
    /// Its events, in order.
    events: Vec<EventView>,
}

/// Show what belongs together
///
/// The commands and events of a correlation; none for one that nothing belongs to.
#[utoipa::path(
    get,
    path = "/api/v1/correlations/{id}",
    security(("token" = ["viewer"])),
    tag = "commands",
    params(
        ("id" = String, Path, description = "the correlation's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "its commands and events", body = Correlation),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn correlation(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, name(&uri, "correlation id")?);
    api.engine().check_namespace(&namespace)?;
    let reader = CommandReader::new(api.engine().clone(), namespace);
    let found = reader.correlation(&id).await.map_err(unreadable)?;
    let correlation = Correlation {
        correlation_id: found.correlation_id,
        commands: found.commands.into_iter().map(CommandView::from).collect(),
        events: found.events.into_iter().map(EventView::from).collect(),
    };
    json(StatusCode::OK, &correlation)
}
