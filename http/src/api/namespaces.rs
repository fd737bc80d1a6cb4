//! `/api/v1/namespaces`: worlds of runs that share nothing.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use everstep_engine::{NamespaceInfo, NamespaceSettings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::{Answer, json};
use super::percent::decode_segment;
use super::{Api, Problem, body};
use crate::access::Caller;

/// Place of the name among the segments of `/api/v1/namespaces/{name}`.
const NAME: usize = 4;

/// A namespace to create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateNamespace)]
pub(super) struct CreateBody {
    /// 1 to 64 letters, digits, `.`, `_` and `-`.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Milliseconds for which closed runs are kept; for ever when absent.
    retention_ms: Option<u64>,
}

/// Settings that replace a namespace's.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NamespaceSettings)]
pub(super) struct SettingsBody {
    /// What it is for.
    description: Option<String>,
    /// Milliseconds for which closed runs are kept; for ever when absent.
    retention_ms: Option<u64>,
}

/// All namespaces.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Namespaces {
    /// By name.
    namespaces: Vec<NamespaceInfo>,
}

fn settings(description: Option<String>, retention_ms: Option<u64>) -> NamespaceSettings {
    NamespaceSettings { description: description.unwrap_or_default(), retention_ms }
}

fn name(uri: &Uri) -> Result<String, Problem> {
    let raw = uri.path().split('/').nth(NAME).unwrap_or_default();
    let name = decode_segment(raw);
    name.map(|name| name.into_owned())
        .map_err(|_| Problem::invalid(format!("namespace `{raw}` is not percent-encoded utf-8")))
}

/// List namespaces
///
/// Those that the caller reaches.
#[utoipa::path(
    get,
    path = "/api/v1/namespaces",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "namespaces",
    responses((status = 200, description = "all of them, by name", body = Namespaces)),
)]
pub(super) async fn list(State(api): State<Api>, Caller(caller): Caller) -> Answer {
    let mut namespaces = api.engine().namespaces();
    namespaces.retain(|namespace| caller.reaches(&namespace.name));
    json(StatusCode::OK, &Namespaces { namespaces })
}

/// Create a namespace
#[utoipa::path(
    post,
    path = "/api/v1/namespaces",
    security(("token" = ["admin"])),
    tag = "namespaces",
    request_body = CreateBody,
    responses(
        (status = 201, description = "created", body = NamespaceInfo),
        (status = 409, description = "the name is taken"),
    ),
)]
pub(super) async fn create(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let CreateBody { name, description, retention_ms } = body::parse(&body)?;
    api.engine().create_namespace(&name, settings(description, retention_ms)).await?;
    json(StatusCode::CREATED, &api.engine().namespace(&name)?)
}

/// Show a namespace
#[utoipa::path(
    get,
    path = "/api/v1/namespaces/{name}",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "namespaces",
    params(("name" = String, Path, description = "the namespace's name")),
    responses(
        (status = 200, description = "the namespace", body = NamespaceInfo),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, Caller(caller): Caller, uri: Uri) -> Answer {
    let name = name(&uri)?;
    caller.reach(&name)?;
    json(StatusCode::OK, &api.engine().namespace(&name)?)
}

/// Change a namespace
///
/// Replaces its settings; what is absent is unset.
#[utoipa::path(
    put,
    path = "/api/v1/namespaces/{name}",
    security(("token" = ["admin"])),
    tag = "namespaces",
    params(("name" = String, Path, description = "the namespace's name")),
    request_body = SettingsBody,
    responses(
        (status = 200, description = "changed", body = NamespaceInfo),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn update(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let name = name(&head.uri)?;
    let SettingsBody { description, retention_ms } = body::parse(&body)?;
    api.engine().update_namespace(&name, settings(description, retention_ms)).await?;
    json(StatusCode::OK, &api.engine().namespace(&name)?)
}

/// Delete a namespace
///
/// Only one that holds no runs, and `default` never.
#[utoipa::path(
    delete,
    path = "/api/v1/namespaces/{name}",
    security(("token" = ["admin"])),
    tag = "namespaces",
    params(("name" = String, Path, description = "the namespace's name")),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "it holds runs"),
    ),
)]
pub(super) async fn delete(State(api): State<Api>, uri: Uri) -> Answer {
    api.engine().delete_namespace(&name(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
