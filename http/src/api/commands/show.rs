//! `GET /api/v1/commands/{id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::commands::{CommandReader, CommandRecord};

use super::refusal::unreadable;
use super::target::name;
use super::view::CommandView;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, error_code as codes};

/// Show a command
///
/// With its status, the steps that it took and what it was answered with.
#[utoipa::path(
    get,
    path = "/api/v1/commands/{command}",
    security(("token" = ["viewer"])),
    tag = "commands",
    params(
        ("command" = String, Path, description = "the command's id", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the command", body = CommandView),
        (status = 404, description = "no such command or namespace"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (_, record) = find(&api, &uri).await?;
    json(StatusCode::OK, &CommandView::from(record))
}

/// The command that the path names, and who reads it.
pub(super) async fn find(api: &Api, uri: &Uri) -> Result<(CommandReader, CommandRecord), Problem> {
    let (namespace, id) = (namespace(uri)?, name(uri, "command id")?);
    api.engine().check_namespace(&namespace)?;
    let reader = CommandReader::new(api.engine().clone(), namespace);
    match reader.get(&id).await.map_err(unreadable)? {
        Some(record) => Ok((reader, record)),
        None => {
            Err(Problem::new(codes::COMMAND_NOT_FOUND, format!("no command has the id `{id}`")))
        }
    }
}
