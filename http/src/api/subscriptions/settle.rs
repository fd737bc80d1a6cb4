//! `POST /api/v1/subscriptions/{name}/ack`, `/nack`, `/park` and `/extend`.
//!
//! Invariant: what is answered as done is durable; a token that counts no more changes nothing.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_workflows::subscriptions::DeliveryToken;
use serde::Deserialize;

use crate::api::json::{Answer, json};
use crate::api::problem::ProblemBody;
use crate::api::target::namespace;
use crate::api::{Api, Problem, body};

/// The most deliveries that one request settles.
const MOST_TOKENS: usize = 1_000;
/// The longest pause and the longest extension.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

/// What is settled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    tokens: Vec<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    retry_after_ms: Option<u64>,
    #[serde(default)]
    lease_ms: Option<u64>,
}

pub(super) fn tokens(texts: &[String]) -> Result<Vec<DeliveryToken>, Problem> {
    if texts.len() > MOST_TOKENS {
        let found = texts.len();
        return Err(Problem::invalid(format!("at most {MOST_TOKENS} tokens, found {found}")));
    }
    texts.iter().map(|text| text.parse().map_err(Problem::from)).collect()
}

/// A request with what it names.
struct Call {
    namespace: String,
    name: String,
    tokens: Vec<DeliveryToken>,
    reason: String,
    retry_after: Option<Duration>,
    lease: Option<Duration>,
}

async fn read(api: &Api, request: Request) -> Result<Call, Problem> {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let Asked { tokens: texts, reason, retry_after_ms, lease_ms } = body::parse(&body)?;
    for (field, value) in [("retry_after_ms", retry_after_ms), ("lease_ms", lease_ms)] {
        if value.is_some_and(|value| value > LONGEST_MS) {
            return Err(Problem::invalid(format!("field `{field}` is at most {LONGEST_MS}")));
        }
    }
    Ok(Call {
        namespace: namespace(&head.uri)?,
        name: super::name(&head.uri)?,
        tokens: tokens(&texts)?,
        reason,
        retry_after: retry_after_ms.map(Duration::from_millis),
        lease: lease_ms.map(Duration::from_millis),
    })
}

/// Acknowledge events
///
/// `{"tokens": [TOKEN, …]}`, all in one commit. Answers `{"done": [POSITION, …], "late":
/// [POSITION, …]}`: late are those that were handed out again, or parked, meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/ack",
    security(("token" = ["app"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "what became of each", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn ack(State(api): State<Api>, request: Request) -> Answer {
    let call = read(&api, request).await?;
    let settled = api.subscriptions().ack(&call.namespace, &call.name, &call.tokens).await?;
    json(StatusCode::OK, &settled)
}

/// Have events tried again
///
/// `{"tokens", "reason"?, "retry_after_ms"?}`: after that time, or the subscription's own pause,
/// which doubles. An event that was handed out `max_attempts` times is parked instead.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/nack",
    security(("token" = ["app"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "what became of each", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn nack(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, tokens, reason, retry_after, .. } = read(&api, request).await?;
    let told = api.subscriptions().nack(&namespace, &name, &tokens, &reason, retry_after).await?;
    json(StatusCode::OK, &told)
}

/// Park events
///
/// `{"tokens", "reason"?}`: they are not tried again until they are replayed. With `on_park` =
/// `hold` the later events of their lanes wait behind them.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/park",
    security(("token" = ["app"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "what became of each", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn park(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, tokens, reason, .. } = read(&api, request).await?;
    let told = api.subscriptions().park(&namespace, &name, &tokens, &reason).await?;
    json(StatusCode::OK, &told)
}

/// Keep events for longer
///
/// `{"tokens", "lease_ms"}`: they are the consumer's for so long from now on.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/extend",
    security(("token" = ["app"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "what became of each", body = serde_json::Value),
        (status = 404, description = "no such subscription or namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn extend(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, tokens, lease, .. } = read(&api, request).await?;
    let lease = lease.ok_or_else(|| Problem::invalid("field `lease_ms` is missing"))?;
    let told = api.subscriptions().extend(&namespace, &name, &tokens, lease).await?;
    json(StatusCode::OK, &told)
}
