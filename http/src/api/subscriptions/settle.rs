//! `POST /api/v1/subscriptions/{name}/ack`, `/nack`, `/park` and `/extend`.
//!
//! Invariant: what is answered as done is durable; a token that counts no more changes nothing.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_workflows::subscriptions::{DeliveryToken, Settled};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::target::InNamespace;
use crate::api::{Api, Problem};

/// The most deliveries that one request settles.
const MOST_TOKENS: usize = 1_000;
/// The longest pause and the longest extension.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

/// Which deliveries, and what is said of them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = SettleDeliveries)]
pub(super) struct Asked {
    /// The tokens of the deliveries; at most 1,000.
    #[schema(required)]
    tokens: Option<Vec<String>>,
    /// Of refused and parked events: why, for whoever looks at them.
    reason: String,
    /// Of refused events: after how many milliseconds they are tried again; after the
    /// subscription's own pause when absent.
    retry_after_ms: Option<u64>,
    /// Of events that are kept for longer: for how many milliseconds from now on.
    lease_ms: Option<u64>,
}

impl Asked {
    fn tokens(&self) -> Result<Vec<DeliveryToken>, Problem> {
        match &self.tokens {
            Some(texts) => tokens(texts),
            None => Err(Problem::invalid("field `tokens` of the body is missing")),
        }
    }
}

pub(super) fn tokens(texts: &[String]) -> Result<Vec<DeliveryToken>, Problem> {
    if texts.len() > MOST_TOKENS {
        let found = texts.len();
        return Err(Problem::invalid(format!("at most {MOST_TOKENS} tokens, found {found}")));
    }
    texts.iter().map(|text| text.parse().map_err(Problem::from)).collect()
}

fn duration(field: &str, ms: Option<u64>) -> Result<Option<Duration>, Problem> {
    if ms.is_some_and(|ms| ms > LONGEST_MS) {
        return Err(Problem::invalid(format!("field `{field}` is at most {LONGEST_MS}")));
    }
    Ok(ms.map(Duration::from_millis))
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
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "what became of each", body = Settled),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn ack(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let tokens = body.tokens()?;
    json(StatusCode::OK, &api.subscriptions().ack(&namespace, &name, &tokens).await?)
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
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "what became of each", body = Settled),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn nack(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let (tokens, reason) = (body.tokens()?, body.reason);
    let retry_after = duration("retry_after_ms", body.retry_after_ms)?;
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
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "what became of each", body = Settled),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn park(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let (tokens, reason) = (body.tokens()?, body.reason);
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
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "what became of each", body = Settled),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn extend(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let tokens = body.tokens()?;
    let lease = duration("lease_ms", body.lease_ms)?;
    let lease = lease.ok_or_else(|| Problem::invalid("field `lease_ms` is missing"))?;
    let told = api.subscriptions().extend(&namespace, &name, &tokens, lease).await?;
    json(StatusCode::OK, &told)
}
