//! `GET /api/v1/agents`, `…/{agent}`, `…/{agent}/lanes`, `…/{agent}/threads/{subject}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::json;

use super::{AGENT, SUBJECT, service};
use crate::api::Api;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace, segment};

/// List agents
///
/// By id: `agentId`, `description`, `subscriptionId`, `eventTypes`, `patterns`, `asksModel`,
/// `checkpoint` (`status`, `lastProcessedPosition`, …), `settings` in force, `usage`,
/// `pendingApprovals`, `pendingDeadLetters`.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        InNamespace,
    ),
    responses(
        (status = 200, description = "all of them", body = serde_json::Value),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let agents = service(&api).list(&namespace(&uri)?).await?;
    json(StatusCode::OK, &json!({ "agents": agents }))
}

/// Describe an agent
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = String, Path, description = "the agent's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "how it is, as in the list", body = serde_json::Value),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let agent = segment(&uri, AGENT, "agent")?;
    json(StatusCode::OK, &service(&api).describe(&namespace(&uri)?, &agent).await?)
}

/// Show how far an agent is in its lanes
///
/// The first hundred, by name: each with `lastProcessedPosition` and `updatedAt`.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/lanes",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = String, Path, description = "the agent's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "by lane", body = serde_json::Value),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn lanes(State(api): State<Api>, uri: Uri) -> Answer {
    let agent = segment(&uri, AGENT, "agent")?;
    let lanes = service(&api).lanes(&namespace(&uri)?, &agent).await?;
    json(StatusCode::OK, &json!({ "lanes": lanes }))
}

/// Show what an agent and its model have said
///
/// About one subject: `threadId`, `messages` (the newest twenty), `said`, `updatedAt`.
#[utoipa::path(
    get,
    path = "/api/v1/agents/{agent}/threads/{subject}",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        ("agent" = String, Path, description = "the agent's id"),
        ("subject" = String, Path, description = "whom or what it is about"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the thread", body = serde_json::Value),
        (status = 404, description = "no such thread, agent or namespace"),
    ),
)]
pub(super) async fn thread(State(api): State<Api>, uri: Uri) -> Answer {
    let (agent, subject) = (segment(&uri, AGENT, "agent")?, segment(&uri, SUBJECT, "subject")?);
    json(StatusCode::OK, &service(&api).thread(&namespace(&uri)?, &agent, &subject).await?)
}
