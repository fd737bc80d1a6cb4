//! What agents concluded, and what became of it.

use everstep_engine::{ActivityError, ContextReads, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pages::Cursor;
use super::records::audited;
use super::{AgentPage, AgentService};
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
    /// Decisions, newest first: a page of at most `limit` after a page's token.
    ///
    /// # Errors
    /// [`AgentError::NotFound`], [`AgentError::Invalid`] with a token of another list.
    pub async fn decisions(
        &self,
        namespace: &str,
        filter: &DecisionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<AgentPage<DecisionView>, AgentError> {
        let ids = self.ids(namespace, filter.agent.as_deref())?;
        if ids.is_empty() {
            return Ok(AgentPage::EMPTY);
        }
        let (filter, cursor) = (filter.clone(), Cursor::of_token(after, &ids)?);
        let read = self.read(namespace, move |books| {
            let made = audited(books, &ids, cursor, limit, |record| filter.takes_record(record))?;
            let mut items = Vec::with_capacity(made.items.len());
            for record in made.items {
                let outcome = outcome(books, &record)?.to_owned();
                let (agent_id, at) = (record.agent_id, record.at);
                let view = DecisionView { agent_id, at, outcome, record: record.data };
                if filter.takes(&view) {
                    items.push(view);
                }
            }
            Ok(AgentPage { items, next_page_token: made.next_page_token })
        });
        read.await
    }
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
    fn takes_record(&self, record: &AuditEvent) -> Take {
        if self.from.is_some_and(|from| record.at < from) {
            return Take::Enough;
        }
        let is_in_time = self.to.is_none_or(|to| record.at <= to);
        match record.audit_type == AuditType::AgentDecisionMade && is_in_time {
            true => Take::Yes,
            false => Take::No,
        }
    }

    fn takes(&self, decision: &DecisionView) -> bool {
        let Some(wanted) = &self.action else { return true };
        let action = &decision.record["action"];
        action["type"] == **wanted
            || action["executionMode"] == **wanted
            || decision.outcome == *wanted
    }
}
