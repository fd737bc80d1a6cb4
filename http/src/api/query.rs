//! `POST /api/v1/workflows/{id}/queries/{name}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::Payload;
use serde::Serialize;
use utoipa::ToSchema;

use super::json::{Answer, json};
use super::target::{InNamespace, OneRun, WorkflowPath, name, selector};
use super::{Api, body};

/// The answer to a query.
#[derive(Serialize, ToSchema)]
pub(super) struct QueryAnswer {
    /// What the workflow published last under the name, or what is computed from it.
    #[schema(value_type = serde_json::Value)]
    result: Payload,
}

/// Query a workflow
///
/// The body is the argument, any JSON; an empty one is `null`. Works on closed runs too.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/queries/{name}",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("name" = String, Path, description = "the query's name", min_length = 1, max_length = 512),
        OneRun,
        InNamespace,
    ),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "the argument"),
    responses(
        (status = 200, description = "the published value, or what the query's handler makes of it", body = QueryAnswer),
        (status = 404, description = "no such workflow, run or query"),
        (status = 422, description = "an id that cannot stand in a path, or an argument that the query cannot take"),
    ),
)]
pub(super) async fn query(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let name = name(&head.uri, "query name")?;
    let argument = body::payload(&body)?;
    let result = api.engine().query_with(&selector, &name, &argument)?;
    json(StatusCode::OK, &QueryAnswer { result })
}
