//! `/api/v1/agents/dead-letters`: events and commands that agents gave up on.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::agent::functions::NewAgentDeadLetter;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RECORD, after, agent_of, page, service, size, status_of};
use crate::access::Caller;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace, segment};
use crate::api::{Api, blocking, body};

/// Why something need not be done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = IgnoreAgentDeadLetter)]
pub(super) struct IgnoreBody {
    /// Needed to ignore one.
    reason: String,
}

/// List dead letters of agents
///
/// Newest first: `deadLetterId`, `agentId`, `kind` (`event` or `command`), `eventId`, `eventType`,
/// `reason`, `error`, `status` (`pending`, `retrying`, `replayed` or `ignored`), `attempts`,
/// `recordedAt`, `updatedAt`.
#[utoipa::path(
    get,
    path = "/api/v1/agents/dead-letters",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = Option<String>, Query, description = "of this agent; of all when absent"),
        ("status" = Option<String>, Query, description = "`pending`, `retrying`, `replayed` or `ignored`; every one when absent"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, clamped to 200", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the dead letters", body = serde_json::Value),
        (status = 400, description = "a token of another list"),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let status = status_of(&uri, &["pending", "retrying", "replayed", "ignored"])?;
    let (agent, namespace, service) = (agent_of(&uri)?, namespace(&uri)?, service(&api));
    let (after, size) = (after(&uri)?, size(&uri)?);
    let found = blocking::run(move || {
        let (agent, status) = (agent.as_deref(), status.as_deref());
        service.dead_letters(&namespace, agent, status, after.as_deref(), size)
    });
    page("deadLetters", &found.await?)
}

/// Show a dead letter of an agent
#[utoipa::path(
    get,
    path = "/api/v1/agents/dead-letters/{id}",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the dead letter's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the dead letter, as in the list", body = serde_json::Value),
        (status = 404, description = "no such dead letter or namespace"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, segment(&uri, RECORD, "dead letter")?.into_owned());
    let service = service(&api);
    json(StatusCode::OK, &blocking::run(move || service.dead_letter(&namespace, &id)).await?)
}

/// Record a dead letter of an agent
///
/// `{"agentId", "position", "eventType", "error": {"code", "message"}}`, for what was given up
/// elsewhere. Answers the dead letter.
#[utoipa::path(
    post,
    path = "/api/v1/agents/dead-letters",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        InNamespace,
    ),
    request_body = serde_json::Value,
    responses(
        (status = 201, description = "the dead letter", body = serde_json::Value),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn record(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let new: NewAgentDeadLetter = body::parse(&body)?;
    let (namespace, service) = (namespace(&head.uri)?, service(&api));
    let id = service.record_dead_letter(&namespace, caller.0.name(), new).await?;
    json(StatusCode::CREATED, &blocking::run(move || service.dead_letter(&namespace, &id)).await?)
}

/// Replay a dead letter of an agent
///
/// The event is handled again, or the command sent again; ten seconds are waited for what becomes
/// of it.
#[utoipa::path(
    post,
    path = "/api/v1/agents/dead-letters/{id}/replay",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the dead letter's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the dead letter as it is now", body = serde_json::Value),
        (status = 404, description = "no such dead letter or namespace"),
        (status = 409, description = "it is not pending, or it went wrong again"),
    ),
)]
pub(super) async fn replay(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let id = segment(&head.uri, RECORD, "dead letter")?.into_owned();
    let replayed = service(&api).replay(&namespace(&head.uri)?, &id, caller.0.name()).await?;
    json(StatusCode::OK, &replayed)
}

/// Ignore a dead letter of an agent
///
/// `{"reason"}`. Its lane goes on.
#[utoipa::path(
    post,
    path = "/api/v1/agents/dead-letters/{id}/ignore",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the dead letter's id"),
        InNamespace,
    ),
    request_body = IgnoreBody,
    responses(
        (status = 200, description = "the dead letter as it is now", body = serde_json::Value),
        (status = 400, description = "without a reason"),
        (status = 404, description = "no such dead letter or namespace"),
        (status = 409, description = "it is not pending"),
    ),
)]
pub(super) async fn ignore(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let IgnoreBody { reason } = body::parse_or_default(&body)?;
    let id = segment(&head.uri, RECORD, "dead letter")?.into_owned();
    let namespace = namespace(&head.uri)?;
    let ignored = service(&api).ignore(&namespace, &id, caller.0.name(), &reason).await?;
    json(StatusCode::OK, &ignored)
}
