//! Agents: how they are, what waits for somebody, what they did.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::agent::{
    AgentApproval, AgentDeadLetter, AgentPage, AgentView, AuditEvent, DecisionView,
};

const AGENTS: &str = "/api/v1/agents";

/// Which decisions, approvals or records.
#[derive(Clone, Debug, Default)]
pub struct AgentFilter {
    /// Of one agent.
    pub agent: Option<String>,
    /// Of this status; for approvals and dead letters.
    pub status: Option<String>,
    /// With this action; for decisions.
    pub action: Option<String>,
    /// Of this type; for the audit.
    pub audit_type: Option<String>,
    /// From this time on, RFC 3339; for decisions.
    pub from: Option<String>,
    /// Until this time, RFC 3339; for decisions.
    pub to: Option<String>,
}

/// What a list is wrapped in.
#[derive(Deserialize)]
struct Listed<T> {
    #[serde(
        alias = "agents",
        alias = "approvals",
        alias = "decisions",
        alias = "auditEvents",
        alias = "deadLetters"
    )]
    all: Vec<T>,
    next_page_token: Option<String>,
}

impl Client {
    async fn agent_list<T: DeserializeOwned>(
        &self,
        list: Option<&str>,
        filter: &AgentFilter,
        after: Option<&str>,
    ) -> Result<AgentPage<T>, ClientError> {
        let path = list.map_or_else(|| Path::new(AGENTS), |list| Path::new(AGENTS).segment(list));
        let path = path
            .parameter("agent", filter.agent.as_deref())
            .parameter("status", filter.status.as_deref())
            .parameter("action", filter.action.as_deref())
            .parameter("type", filter.audit_type.as_deref())
            .parameter("from", filter.from.as_deref())
            .parameter("to", filter.to.as_deref())
            .parameter("page_token", after);
        let listed: Listed<T> = self.connection.send(Call::get(path)).await?.to()?;
        Ok(AgentPage { items: listed.all, next_page_token: listed.next_page_token })
    }

    /// All agents, by id.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agents(&self) -> Result<Vec<AgentView>, ClientError> {
        Ok(self.agent_list(None, &AgentFilter::default(), None).await?.items)
    }

    /// One agent.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agent(&self, id: &str) -> Result<AgentView, ClientError> {
        self.connection.send(Call::get(Path::new(AGENTS).segment(id))).await?.to()
    }

    /// Asks something of an agent as a whole: `start`, `pause`, `resume`, `stop`, or `reconfigure`
    /// with `overrides`. Answers its id and its status.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn steer_agent(
        &self,
        id: &str,
        verb: &str,
        reason: Option<&str>,
        overrides: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let body = json!({ "reason": reason, "configOverrides": overrides });
        let path = Path::new(AGENTS).segment(id).segment(verb);
        self.connection.send(Call::post(path, body.to_string())).await?.to()
    }

    /// Approvals, newest first; those that are pending unless the filter says otherwise. A page, from
    /// after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agent_approvals(
        &self,
        filter: &AgentFilter,
        after: Option<&str>,
    ) -> Result<AgentPage<AgentApproval>, ClientError> {
        self.agent_list(Some("approvals"), filter, after).await
    }

    /// Approves what an agent would do, or rejects it for a reason.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn review_approval(
        &self,
        id: &str,
        approves: bool,
        said: &str,
    ) -> Result<AgentApproval, ClientError> {
        let (verb, body) = match approves {
            true => ("approve", json!({ "note": said })),
            false => ("reject", json!({ "reason": said })),
        };
        let path = Path::new(AGENTS).segment("approvals").segment(id).segment(verb);
        self.connection.send(Call::post(path, body.to_string())).await?.to()
    }

    /// Decisions, newest first: a page, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agent_decisions(
        &self,
        filter: &AgentFilter,
        after: Option<&str>,
    ) -> Result<AgentPage<DecisionView>, ClientError> {
        self.agent_list(Some("decisions"), filter, after).await
    }

    /// Records of the audit, newest first: a page, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agent_audit(
        &self,
        filter: &AgentFilter,
        after: Option<&str>,
    ) -> Result<AgentPage<AuditEvent>, ClientError> {
        self.agent_list(Some("audit"), filter, after).await
    }

    /// What agents gave up on, newest first: a page, from after a page's token.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn agent_dead_letters(
        &self,
        filter: &AgentFilter,
        after: Option<&str>,
    ) -> Result<AgentPage<AgentDeadLetter>, ClientError> {
        self.agent_list(Some("dead-letters"), filter, after).await
    }

    /// Handles what was given up again, or ignores it for a reason.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn settle_agent_dead_letter(
        &self,
        id: &str,
        ignored_because: Option<&str>,
    ) -> Result<AgentDeadLetter, ClientError> {
        let (verb, body) = match ignored_because {
            None => ("replay", json!({})),
            Some(reason) => ("ignore", json!({ "reason": reason })),
        };
        let path = Path::new(AGENTS).segment("dead-letters").segment(id).segment(verb);
        self.connection.send(Call::post(path, body.to_string())).await?.to()
    }
}
