//! `/api/v1/contexts`, `/api/v1/context-map`: bounded contexts, their contracts, how they relate.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::contexts::{ContextError, Contexts};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::refusal::of_failure;
use crate::api::json::{Answer, json};
use crate::api::target::segment;
use crate::api::{Api, Problem};

/// Place of the name in `/api/v1/contexts/{name}/contract`.
const NAME: usize = 4;

/// The contexts of the server's worker.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContextList {
    /// By name: `name`, `description`, `version`, what they are made of in numbers, and `neighbours`.
    contexts: Vec<Value>,
}

/// How contexts relate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContextMapBody {
    /// Each relationship once: `upstream`, `downstream`, `type`, `description`.
    relationships: Vec<Value>,
    /// By context, what it has to do with others: `context`, `direction`, `type`.
    contexts: Value,
}

fn problem(error: ContextError) -> Problem {
    of_failure(&error.into_failure())
}

/// List bounded contexts
#[utoipa::path(
    get,
    path = "/api/v1/contexts",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "contexts",
    responses((status = 200, description = "all that the worker declares, by name", body = ContextList)),
)]
pub(super) async fn list(State(api): State<Api>) -> Answer {
    let Some(contexts) = api.engine().extension::<Contexts>() else {
        return json(StatusCode::OK, &ContextList { contexts: Vec::new() });
    };
    let contexts = contexts.contracts().map(|contract| {
        json!({
            "name": contract.identity.name,
            "description": contract.identity.description,
            "version": contract.identity.version,
            "streamTypePrefix": contract.identity.stream_type_prefix,
            "executionMode": contract.execution_mode,
            "commands": contract.command_types.len(),
            "events": contract.event_types.len(),
            "tables": contract.cms_types.len(),
            "neighbours": contexts.map().neighbours(contract.name()),
        })
    });
    json(StatusCode::OK, &ContextList { contexts: contexts.collect() })
}

/// Show a context's contract
///
/// Its identity, commands, events, tables with the versions of their rows, and error codes: what is
/// printed is what is enforced.
#[utoipa::path(
    get,
    path = "/api/v1/contexts/{name}/contract",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "contexts",
    params(("name" = String, Path, description = "the context's name")),
    responses(
        (status = 200, description = "the contract", body = Value),
        (status = 404, description = "no such context"),
    ),
)]
pub(super) async fn contract(State(api): State<Api>, uri: Uri) -> Answer {
    let name = segment(&uri, NAME, "context")?;
    let contexts = api.engine().extension::<Contexts>();
    let none = || ContextError::NotFound(name.to_string(), "none".to_owned());
    let contexts = contexts.ok_or_else(none).map_err(problem)?;
    json(StatusCode::OK, contexts.contract(&name).map_err(problem)?)
}

/// Show the context map
#[utoipa::path(
    get,
    path = "/api/v1/context-map",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "contexts",
    responses((status = 200, description = "how contexts relate", body = ContextMapBody)),
)]
pub(super) async fn map(State(api): State<Api>) -> Answer {
    let (mut relationships, mut contexts) = (Vec::new(), json!({}));
    if let Some(declared) = api.engine().extension::<Contexts>() {
        let map = declared.map();
        relationships = map.relationships().iter().map(|one| json!(one)).collect();
        contexts = json!(map.by_context());
    }
    json(StatusCode::OK, &ContextMapBody { relationships, contexts })
}
