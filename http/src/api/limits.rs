//! `/api/v1/limits`: how often something may be done, how full each key's meter is, emptied by hand.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::rate_limit;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json};
use super::target::{InNamespace, check_text, namespace, segment};
use super::{Api, Parameters, blocking, body};

/// Place of the name in `/api/v1/limits/{name}/reset`.
const NAME: usize = 4;
const PAGE: usize = 50;
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(reset))
}

/// List rate limits
///
/// `limits` are those that the worker declares: `name`, `kind` (`token_bucket`, `fixed_window`),
/// `rate`, `period_ms`, `capacity`. `meters` are the keys that have used something up: `limit`, `key`,
/// `used`, `capacity`, `available`, `full_after_ms`; with `at_rest=true` those that had, too.
#[utoipa::path(
    get,
    path = "/api/v1/limits",
    security(("token" = ["viewer"])),
    tag = "circuits",
    params(
        ("at_rest" = Option<bool>, Query, description = "whether keys are shown of which everything is granted again; `false` when absent"),
        ("page_size" = Option<u64>, Query, description = "meters a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses((status = 200, description = "the limits, and a page of meters; it may be short and still name a next one", body = serde_json::Value)),
)]
async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let at_rest = parameters.flag("at_rest")?;
    let found = blocking::read(&api, move |engine| {
        rate_limit::list(engine, &namespace, after.as_deref(), at_rest, size)
    });
    json(StatusCode::OK, &found.await?)
}

/// Whose meter.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Reset {
    /// The key: a user, as a rule.
    key: String,
}

/// Forgive a key what it has used up
#[utoipa::path(
    post,
    path = "/api/v1/limits/{name}/reset",
    security(("token" = ["admin"])),
    tag = "circuits",
    params(
        ("name" = String, Path, description = "the limit's name"),
        InNamespace,
    ),
    request_body = Reset,
    responses(
        (status = 200, description = "`reset`: whether it had used anything up", body = serde_json::Value),
        (status = 400, description = "no key"),
    ),
)]
async fn reset(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, name) = (namespace(&head.uri)?, segment(&head.uri, NAME, "limit")?);
    let name = name.into_owned();
    check_text("limit", &name)?;
    let Reset { key } = body::parse(&body)?;
    check_text("field `key`", &key)?;
    let reset = api.engine().transact(&namespace, move |tx| rate_limit::reset(tx, &name, &key));
    json(StatusCode::OK, &serde_json::json!({ "reset": reset.await? }))
}
