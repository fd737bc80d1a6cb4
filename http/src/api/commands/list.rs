//! `GET /api/v1/commands` and `GET /api/v1/command-types`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::commands::{CommandQuery, CommandReader, CommandStatus, Commands};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::unreadable;
use super::view::CommandView;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem};

/// A page of commands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandPage)]
struct Page {
    /// The commands, newest first.
    commands: Vec<CommandView>,
    /// Asks for the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// List commands
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/v1/commands",
    security(("token" = ["viewer"])),
    tag = "commands",
    params(
        ("status" = Option<String>, Query, description = "`pending`, `executed`, `rejected` or `failed`"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, 200 at most"),
        ("page_token" = Option<String>, Query, description = "where the last page ended"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = Page),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let namespace = namespace(&uri)?;
    let status = match parameters.text("status")? {
        None => None,
        Some(name) => Some(CommandStatus::named(&name).ok_or_else(|| {
            Problem::invalid(format!(
                "parameter `status` is `{name}`; it is pending, executed, rejected or failed"
            ))
        })?),
    };
    let limit = usize::try_from(parameters.number("page_size")?.unwrap_or(0)).unwrap_or(usize::MAX);
    let page_token = parameters.text("page_token")?.map(|token| token.into_owned());
    api.engine().check_namespace(&namespace)?;
    let reader = CommandReader::new(api.engine().clone(), namespace);
    let page = reader.list(CommandQuery { status, limit, page_token }).await.map_err(unreadable)?;
    let commands = page.commands.into_iter().map(CommandView::from).collect();
    json(StatusCode::OK, &Page { commands, next_page_token: page.next_page_token })
}

/// A command that this server takes.
#[derive(Debug, Serialize, ToSchema)]
struct CommandType {
    /// Its name.
    #[serde(rename = "type")]
    command_type: String,
    /// The smallest role that may send it.
    role: String,
    /// The bounded context that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

/// The commands that this server takes.
#[derive(Debug, Serialize, ToSchema)]
struct CommandTypes {
    /// By name.
    command_types: Vec<CommandType>,
}

/// List command types
#[utoipa::path(
    get,
    path = "/api/v1/command-types",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "commands",
    responses((status = 200, description = "the commands that can be sent", body = CommandTypes)),
)]
pub(super) async fn types(State(api): State<Api>) -> Answer {
    let commands = api.engine().extension::<Commands>();
    let command_types = commands.into_iter().flat_map(Commands::list);
    let command_types = command_types
        .map(|info| CommandType {
            command_type: info.command_type.to_owned(),
            role: info.role.to_owned(),
            context: info.context.map(str::to_owned),
        })
        .collect();
    json(StatusCode::OK, &CommandTypes { command_types })
}
