//! `GET /api/v1/commands/{id}/events`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::unreadable;
use super::show::find;
use super::view::EventView;
use crate::api::Api;
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;

/// What a command led to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandEvents)]
struct Events {
    /// The command.
    command_id: String,
    /// What belongs together.
    correlation_id: String,
    /// Its events, in order.
    events: Vec<EventView>,
}

/// List a command's events
#[utoipa::path(
    get,
    path = "/api/v1/commands/{command}/events",
    security(("token" = ["viewer"])),
    tag = "commands",
    params(
        ("command" = String, Path, description = "the command's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "its events", body = Events),
        (status = 404, description = "no such command or namespace"),
    ),
)]
pub(super) async fn events(State(api): State<Api>, uri: Uri) -> Answer {
    let (reader, record) = find(&api, &uri).await?;
    let events = reader.events(&record).await.map_err(unreadable)?;
    let events = events.into_iter().map(EventView::from).collect();
    let (command_id, correlation_id) = (record.command_id, record.correlation_id);
    json(StatusCode::OK, &Events { command_id, correlation_id, events })
}
