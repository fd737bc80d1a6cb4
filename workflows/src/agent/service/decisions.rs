//! What agents concluded, and what became of it.

use everstep_engine::{ActivityError, ContextReads, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AgentService;
use crate::agent::AgentError;
use crate::agent::audit::{AuditEvent, AuditType};
use crate::agent::books::{self, AgentsContext, Take};

/// A decision as it is shown: what was written down when it was made, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// Whose.
    pub agent_id: String,
    /// When.
    pub at: Timestamp,
    /// What became of it: `executed`, `pending`, `approved`, `rejected`, `expired`, `failed`, `none`.
    pub outcome: String,
    /// The record, as it was written.
    #[serde(flatten)]
    pub record: Value,
}

/// Which decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionFilter {
    /// Of one agent; of all when absent.
    pub agent: Option<String>,
    /// Of this type of command, this way of executing it, or with this outcome.
    pub action: Option<String>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Until then.
    pub to: Option<Timestamp>,
}

impl AgentService {
    /// Decisions, newest first.
    ///
    /// # Errors
    /// [`AgentError::NotFound`].
    pub async fn decisions(
        &self,
        namespace: &str,
        filter: &DecisionFilter,
        limit: usize,
    ) -> Result<Vec<DecisionView>, AgentError> {
        let ids = self.ids(namespace, filter.agent.as_deref())?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let filter = filter.clone();
        let read = self.read(namespace, move |books| {
            let mut all = Vec::new();
            for id in ids {
                all.extend(of_agent(books, &id, &filter, limit)?);
            }
            Ok(all)
        });
        let mut all = read.await?;
        all.sort_by_key(|decision| std::cmp::Reverse(decision.at));
        all.truncate(limit);
        Ok(all)
    }
}

fn of_agent(
    books: &impl ContextReads<AgentsContext>,
    id: &str,
    filter: &DecisionFilter,
    limit: usize,
) -> Result<Vec<DecisionView>, ActivityError> {
    let made = books::audit(books, id, None, limit, |record| {
        if filter.from.is_some_and(|from| record.at < from) {
            return Take::Enough;
        }
        let is_in_time = filter.to.is_none_or(|to| record.at <= to);
        match record.audit_type == AuditType::AgentDecisionMade && is_in_time {
            true => Take::Yes,
            false => Take::No,
        }
    })?;
    let mut all = Vec::with_capacity(made.len());
    for record in made {
        let outcome = outcome(books, &record)?.to_owned();
        let (agent_id, at) = (record.agent_id, record.at);
        let view = DecisionView { agent_id, at, outcome, record: record.data };
        if filter.takes(&view) {
            all.push(view);
        }
    }
    Ok(all)
}

/// What became of a decision, by its approval and its command.
fn outcome(
    books: &impl ContextReads<AgentsContext>,
    record: &AuditEvent,
) -> Result<&'static str, ActivityError> {
    let id = record.decision_id.as_deref().unwrap_or_default();
    let (approval, command) = (books::find_approval(books, id)?, books::find_command(books, id)?);
    Ok(match (approval, command) {
        (approval, Some(command)) => match books::status_name(command.status) {
            "completed" if approval.is_some() => "approved",
            "completed" => "executed",
            other => other,
        },
        (Some(approval), None) => approval.status.name(),
        (None, None) => "none",
    })
}

impl DecisionFilter {
    fn takes(&self, decision: &DecisionView) -> bool {
        let Some(wanted) = &self.action else { return true };
        let action = &decision.record["action"];
        action["type"] == **wanted
            || action["executionMode"] == **wanted
            || decision.outcome == *wanted
    }
}
