//! `/api/v1/agents/approvals`: what agents would do, and what somebody decides about it.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::agent::ApprovalStatus;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{RECORD, after, agent_of, page, service, size, status_of};
use crate::access::Caller;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace, segment};
use crate::api::{Api, Problem, body};

/// What somebody says about an approval.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ReviewApproval)]
pub(super) struct ReviewBody {
    /// What is to be remembered of an approval.
    note: String,
    /// Why it is rejected; needed.
    reason: String,
}

/// List approvals
///
/// Newest first: `approvalId`, `agentId`, `status`, `commandType`, `payload`, `subject`, `metadata`
/// (`patternId`, `confidence`, `reason`, `analysis`, `eventIds`), `riskLevel`, `createdAt`,
/// `expiresAt`, and who decided.
#[utoipa::path(
    get,
    path = "/api/v1/agents/approvals",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = Option<String>, Query, description = "of this agent; of all when absent"),
        ("status" = Option<String>, Query, description = "`pending` (when absent), `approved`, `rejected` or `expired`"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, clamped to 200", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the approvals", body = serde_json::Value),
        (status = 400, description = "a token of another list"),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let status = status_of(&uri, &ApprovalStatus::ALL.map(ApprovalStatus::name))?;
    let status = status.as_deref().unwrap_or(ApprovalStatus::Pending.name());
    let (agent, namespace) = (agent_of(&uri)?, namespace(&uri)?);
    let (after, size) = (after(&uri)?, size(&uri)?);
    let (agent, after) = (agent.as_deref(), after.as_deref());
    page("approvals", &service(&api).approvals(&namespace, agent, status, after, size).await?)
}

/// Show an approval
#[utoipa::path(
    get,
    path = "/api/v1/agents/approvals/{id}",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the approval's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the approval, as in the list", body = serde_json::Value),
        (status = 404, description = "no such approval or namespace"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let id = segment(&uri, RECORD, "approval")?;
    json(StatusCode::OK, &service(&api).approval(&namespace(&uri)?, &id).await?)
}

/// Approve what an agent would do
///
/// `{"note"?}`. The caller is the reviewer. The command is sent in the agent's name.
#[utoipa::path(
    post,
    path = "/api/v1/agents/approvals/{id}/approve",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the approval's id"),
        InNamespace,
    ),
    request_body = ReviewBody,
    responses(
        (status = 200, description = "the approval as it is now", body = serde_json::Value),
        (status = 400, description = "a body that cannot be meant"),
        (status = 404, description = "no such approval or namespace"),
        (status = 409, description = "its time is over (`APPROVAL_EXPIRED`), or somebody decided before"),
    ),
)]
pub(super) async fn approve(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (namespace, id, body) = review(&api, request).await?;
    let reviewed = service(&api).approve(&namespace, &id, caller.0.name(), &body.note).await?;
    json(StatusCode::OK, &reviewed)
}

/// Reject what an agent would do
///
/// `{"reason"}`. The caller is the reviewer; no command is sent.
#[utoipa::path(
    post,
    path = "/api/v1/agents/approvals/{id}/reject",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        ("id" = String, Path, description = "the approval's id"),
        InNamespace,
    ),
    request_body = ReviewBody,
    responses(
        (status = 200, description = "the approval as it is now", body = serde_json::Value),
        (status = 400, description = "a rejection without a reason"),
        (status = 404, description = "no such approval or namespace"),
        (status = 409, description = "its time is over (`APPROVAL_EXPIRED`), or somebody decided before"),
    ),
)]
pub(super) async fn reject(State(api): State<Api>, caller: Caller, request: Request) -> Answer {
    let (namespace, id, body) = review(&api, request).await?;
    let reviewed = service(&api).reject(&namespace, &id, caller.0.name(), &body.reason).await?;
    json(StatusCode::OK, &reviewed)
}

/// What a review is of, and what it says.
async fn review(api: &Api, request: Request) -> Result<(String, String, ReviewBody), Problem> {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let body = body::parse_or_default(&body)?;
    let id = segment(&head.uri, RECORD, "approval")?.into_owned();
    Ok((namespace(&head.uri)?, id, body))
}

/// Expire approvals whose time is over
///
/// Each has a timer of its own; this looks whether one was lost. Answers `{"expired"}`.
#[utoipa::path(
    post,
    path = "/api/v1/agents/approvals/expire",
    security(("token" = ["operator"])),
    tag = "agents",
    params(
        InNamespace,
    ),
    responses(
        (status = 200, description = "how many there were", body = serde_json::Value),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn expire(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let expired = service(&api).expire_pending(&namespace(&head.uri)?).await?;
    json(StatusCode::OK, &json!({ "expired": expired }))
}
