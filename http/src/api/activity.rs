//! `POST /api/v1/activities/{task_token}/complete`, `/fail` and `/heartbeat`: what is reported of
//! an activity's attempt from outside.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_engine::{Failure, Payload, Principal, TaskToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error_code as codes;
use super::json::{Answer, accepted, json};
use super::percent::decode_segment;
use super::{Api, Problem, body};
use crate::access::Caller;

/// Place of the token among the segments of `/api/v1/activities/{task_token}/…`.
const TOKEN: usize = 4;

/// Why an attempt failed. More fields may stand beside these; the workflow finds them in the
/// failure.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FailActivity)]
pub(super) struct FailBody {
    /// A stable name that code can decide by. `cancelled` says that the activity has ended as it
    /// was asked to.
    #[serde(rename = "type")]
    kind: String,
    /// What happened, for people.
    #[serde(default)]
    message: String,
    /// No retry can help.
    #[serde(default)]
    non_retryable: bool,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    details: serde_json::Map<String, serde_json::Value>,
}

/// What a heartbeat is answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Heartbeat)]
pub(super) struct HeartbeatAnswer {
    /// Whether the workflow has asked the activity to end.
    cancel_requested: bool,
}

/// Complete an activity
///
/// The body is the result, any JSON; an empty one is `null`. Durable when answered. A token is
/// about one attempt: once that has ended it is refused.
#[utoipa::path(
    post,
    path = "/api/v1/activities/{task_token}/complete",
    security(("token" = ["app", "own_namespaces"])),
    tag = "activities",
    params(("task_token" = String, Path, description = "the attempt's token, as the activity was given it")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "the result"),
    responses(
        (status = 202, description = "completed", body = serde_json::Value),
        (status = 404, description = "the token names no activity"),
        (status = 409, description = "the attempt has ended, or its run is closed"),
    ),
)]
pub(super) async fn complete(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    let (token, result) = payload_for(&api, &caller, request).await?;
    api.engine().complete_activity(&token, result).await?;
    Ok(accepted())
}

/// Fail an activity
///
/// The attempt failed; another one is made as the activity's retry policy says. Durable when
/// answered.
#[utoipa::path(
    post,
    path = "/api/v1/activities/{task_token}/fail",
    security(("token" = ["app", "own_namespaces"])),
    tag = "activities",
    params(("task_token" = String, Path, description = "the attempt's token, as the activity was given it")),
    request_body = FailBody,
    responses(
        (status = 202, description = "failed", body = serde_json::Value),
        (status = 404, description = "the token names no activity"),
        (status = 409, description = "the attempt has ended, or its run is closed"),
    ),
)]
pub(super) async fn fail(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let failure = body::parse::<FailBody>(&body)?.into_failure()?;
    api.engine().fail_activity(&token(&caller, &head.uri)?, failure).await?;
    Ok(accepted())
}

/// Heartbeat of an activity
///
/// Says that the attempt is alive. The body is what the next attempt, if there is one, receives:
/// any JSON; an empty one is `null`. Durable when answered.
#[utoipa::path(
    post,
    path = "/api/v1/activities/{task_token}/heartbeat",
    security(("token" = ["app", "own_namespaces"])),
    tag = "activities",
    params(("task_token" = String, Path, description = "the attempt's token, as the activity was given it")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "the details"),
    responses(
        (status = 200, description = "noted", body = HeartbeatAnswer),
        (status = 404, description = "the token names no activity"),
        (status = 409, description = "the attempt has ended, or its run is closed"),
    ),
)]
pub(super) async fn heartbeat(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    let (token, details) = payload_for(&api, &caller, request).await?;
    let cancel_requested = api.engine().heartbeat_activity(&token, details).await?;
    json(StatusCode::OK, &HeartbeatAnswer { cancel_requested })
}

async fn payload_for(
    api: &Api,
    caller: &Principal,
    request: Request,
) -> Result<(TaskToken, Payload), Problem> {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let payload = body::payload(&body)?;
    Ok((token(caller, &head.uri)?, payload))
}

/// The token of the path. A text that is no token names no activity.
fn token(caller: &Principal, uri: &Uri) -> Result<TaskToken, Problem> {
    let raw = uri.path().split('/').nth(TOKEN).unwrap_or_default();
    let decoded = decode_segment(raw).ok().and_then(|text| text.parse::<TaskToken>().ok());
    let token = decoded.ok_or_else(|| {
        Problem::new(codes::ACTIVITY_NOT_FOUND, format!("task token `{raw}` names no activity"))
    })?;
    caller.reach(token.namespace())?;
    Ok(token)
}

impl FailBody {
    fn into_failure(self) -> Result<Failure, Problem> {
        if self.kind.is_empty() {
            return Err(Problem::invalid("field `type` of the body is empty"));
        }
        let mut failure = Failure::new(self.kind, self.message);
        failure.non_retryable = self.non_retryable;
        if !self.details.is_empty() {
            let details = Payload::from_value(&self.details)
                .map_err(|error| Problem::invalid(format!("the body: {error}")))?;
            failure = failure.with_details(details);
        }
        Ok(failure)
    }
}
