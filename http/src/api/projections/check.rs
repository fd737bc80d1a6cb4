//! `POST /api/v1/projections/check`: a declaration held against the rules of its category.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_workflows::projections::ProjectionSpec;

use crate::api::json::{Answer, json};
use crate::api::{Api, body};

/// Check a projection's declaration
///
/// `{"name", "category", "delivery"?, "contract"?}` is answered with what follows from the category
/// (`delivery`, `query_pattern`, `reactive`), or refused as a worker that registers it would be.
/// Registers nothing: projections are code of the worker.
#[utoipa::path(
    post,
    path = "/api/v1/projections/check",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "projections",
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "it may be registered", body = serde_json::Value),
        (status = 422, description = "`CATEGORY_REQUIRED`, `INVALID_CATEGORY` or `invalid_projection`"),
    ),
)]
pub(super) async fn check(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let spec: ProjectionSpec = body::parse(&body)?;
    json(StatusCode::OK, &spec.check()?)
}
