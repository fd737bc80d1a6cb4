//! `GET /api/v1/subscriptions/{name}/parked`, and `POST …/parked/replay` and `…/discard`.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::subscriptions::ParkedEvent;
use serde::{Deserialize, Serialize};

use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::problem::ProblemBody;
use crate::api::target::namespace;
use crate::api::{Api, Problem, blocking, body};

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 500;

#[derive(Serialize)]
struct List {
    parked: Vec<ParkedEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Which events.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    positions: Option<Vec<u64>>,
    all: bool,
}

/// List parked events
///
/// In the order of their positions: `position`, `key`, `attempts`, `reason`, `parked_at`,
/// `is_behind` (nothing is wrong with it: an earlier event of its lane is parked).
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions/{name}/parked",
    security(("token" = ["viewer"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
        ("page_size" = Option<u64>, Query, description = "events a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, name) = (namespace(&uri)?, super::name(&uri)?);
    let parameters = Parameters::of(&uri);
    let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let after = match parameters.page_token()? {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Problem::invalid(format!("parameter `page_token` is none: `{token}`")))?,
    };
    let service = api.subscriptions().clone();
    let found = blocking::run(move || service.parked(&namespace, &name, after, size + 1));
    let mut parked = found.await?;
    let has_more = parked.len() > size;
    parked.truncate(size);
    let next_page_token = parked.last().filter(|_| has_more).map(|last| last.position.to_string());
    json(StatusCode::OK, &List { parked, next_page_token })
}

async fn read(api: &Api, request: Request) -> Result<(String, String, Option<Vec<u64>>), Problem> {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let Asked { positions, all } = body::parse_or_default(&body)?;
    if positions.is_some() == all {
        return Err(Problem::invalid("name `positions`, or say `\"all\": true`"));
    }
    Ok((namespace(&head.uri)?, super::name(&head.uri)?, positions))
}

/// Replay parked events
///
/// `{"positions": [POSITION, …]}` or `{"all": true}`: they are handed out again, their attempts
/// counted anew, and with the first ones what waits behind them. Answers `{"replayed"}`.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/parked/replay",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "how many of those were parked", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replay(State(api): State<Api>, request: Request) -> Answer {
    let (namespace, name, positions) = read(&api, request).await?;
    let replayed = api.subscriptions().replay(&namespace, &name, positions).await?;
    json(StatusCode::OK, &serde_json::json!({ "replayed": replayed }))
}

/// Discard parked events
///
/// `{"positions": [POSITION, …]}` or `{"all": true}`: they are settled without another try. Answers
/// `{"discarded"}`.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/parked/discard",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "how many of those were parked", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn discard(State(api): State<Api>, request: Request) -> Answer {
    let (namespace, name, positions) = read(&api, request).await?;
    let discarded = api.subscriptions().discard(&namespace, &name, positions).await?;
    json(StatusCode::OK, &serde_json::json!({ "discarded": discarded }))
}
