//! `GET /api/v1/agents/decisions`, `/audit`, `/commands`: what agents concluded, did and sent.

use axum::extract::State;
use axum::http::Uri;
use everstep_engine::Timestamp;
use everstep_workflows::agent::{AuditType, DecisionFilter};

use super::{after, agent_of, filter, page, service, size, status_of};
use crate::api::json::Answer;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem};

fn time(uri: &Uri, name: &str) -> Result<Option<Timestamp>, Problem> {
    let parse = |text: String| {
        text.parse::<Timestamp>().map_err(|error| {
            Problem::invalid(format!("parameter `{name}` is no time (`{text}`): {error}"))
        })
    };
    filter(uri, name)?.map(parse).transpose()
}

/// List decisions
///
/// Newest first: `agentId`, `at`, `outcome` (`executed`, `pending`, `approved`, `rejected`,
/// `expired`, `failed` or `none`), `decisionId`, `patternDetected`, `confidence`, `reasoning`,
/// `action` (`type`, `executionMode`), `triggeringEvents`, `llmContext`, `analysisMethod`.
#[utoipa::path(
    get,
    path = "/api/v1/agents/decisions",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = Option<String>, Query, description = "of this agent; of all when absent"),
        ("action" = Option<String>, Query, description = "with this type of command, this `executionMode`, or this `outcome`"),
        ("from" = Option<String>, Query, description = "from this time on, RFC 3339"),
        ("to" = Option<String>, Query, description = "until this time, RFC 3339"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, clamped to 200", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the decisions", body = serde_json::Value),
        (status = 400, description = "a malformed time, or a token of another list"),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn decisions(State(api): State<Api>, uri: Uri) -> Answer {
    let wanted = DecisionFilter {
        agent: agent_of(&uri)?,
        action: filter(&uri, "action")?,
        from: time(&uri, "from")?,
        to: time(&uri, "to")?,
    };
    let (namespace, after, size) = (namespace(&uri)?, after(&uri)?, size(&uri)?);
    page("decisions", &service(&api).decisions(&namespace, &wanted, after.as_deref(), size).await?)
}

/// List audit records
///
/// Newest first: `auditId`, `agentId`, `subscriptionId`, `type`, `at`, `decisionId`?, `data`. Records
/// are never changed.
#[utoipa::path(
    get,
    path = "/api/v1/agents/audit",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = Option<String>, Query, description = "of this agent; of all when absent"),
        ("type" = Option<String>, Query, description = "of this type, such as `AgentDecisionMade`"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, clamped to 200", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the records", body = serde_json::Value),
        (status = 400, description = "a token of another list"),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn audit(State(api): State<Api>, uri: Uri) -> Answer {
    let wanted = filter(&uri, "type")?.map(|name| AuditType::named(&name));
    let (agent, namespace) = (agent_of(&uri)?, namespace(&uri)?);
    let (after, size) = (after(&uri)?, size(&uri)?);
    let (agent, after) = (agent.as_deref(), after.as_deref());
    page("auditEvents", &service(&api).audit(&namespace, agent, wanted, after, size).await?)
}

/// List commands of agents
///
/// Newest first: `commandId`, `agentId`, `type`, `payload`, `status`, `metadata`, `steps`,
/// `reviewerId`?, `error`?.
#[utoipa::path(
    get,
    path = "/api/v1/agents/commands",
    security(("token" = ["viewer"])),
    tag = "agents",
    params(
        ("agent" = Option<String>, Query, description = "of this agent; of all when absent"),
        ("status" = Option<String>, Query, description = "`pending`, `processing`, `completed` or `failed`; every one when absent"),
        ("page_size" = Option<u64>, Query, description = "at most so many; 50 when absent, clamped to 200", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the commands", body = serde_json::Value),
        (status = 400, description = "a token of another list"),
        (status = 404, description = "no such agent or namespace"),
    ),
)]
pub(super) async fn commands(State(api): State<Api>, uri: Uri) -> Answer {
    let status = status_of(&uri, &["pending", "processing", "completed", "failed"])?;
    let (agent, namespace) = (agent_of(&uri)?, namespace(&uri)?);
    let (after, size) = (after(&uri)?, size(&uri)?);
    let (agent, status, after) = (agent.as_deref(), status.as_deref(), after.as_deref());
    page("commands", &service(&api).commands(&namespace, agent, status, after, size).await?)
}
