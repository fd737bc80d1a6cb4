//! What is passed along while an event is handled.

use everstep_activities::llm::LlmMessage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::records::RecordedError;
use super::{AgentEvent, Analysis, Suggestion};

/// The input of the workflow that handles one event: all that the agent will know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJob {
    /// Which agent.
    pub agent_id: String,
    /// Whom or what the event is about.
    pub subject: String,
    /// The lane that it stands in.
    pub lane: String,
    /// The event.
    pub event: AgentEvent,
    /// What happened before, as the application's projection says; oldest first.
    pub history: Vec<AgentEvent>,
    /// What else the program hands over.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
}

impl AgentJob {
    /// The id of everything that follows from the event.
    pub fn decision_id(&self) -> String {
        decision_id(&self.agent_id, self.event.position)
    }
}

pub(super) fn decision_id(agent_id: &str, position: u64) -> String {
    format!("{agent_id}:{position}")
}

/// The id of the workflow that handles an event.
pub(super) fn workflow_id(agent_id: &str, position: u64) -> String {
    format!("agent:{}", decision_id(agent_id, position))
}

/// A conclusion, with what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentDecision {
    /// Its id: agent and position of the event.
    pub decision_id: String,
    /// The pattern that was found.
    pub pattern: String,
    /// What was concluded.
    pub analysis: Analysis,
    /// Upon which events.
    pub event_ids: Vec<String>,
    /// The command that follows, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Suggestion>,
    /// Why no model concluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_reason: Option<String>,
    /// The state of the provider's circuit breaker, where that was the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_state: Option<String>,
}

/// How the handling of an event ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CompletionResult {
    /// Nothing to see.
    Quiet,
    /// Something was concluded.
    Success {
        /// What.
        decision: Box<AgentDecision>,
    },
    /// It went wrong.
    Failed {
        /// How.
        error: RecordedError,
    },
}

/// The end of the handling of an event, as the transaction sees it that ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// Which agent.
    pub agent_id: String,
    /// Whom or what the event is about.
    pub subject: String,
    /// The lane that it stands in.
    pub lane: String,
    /// The event's id.
    pub event_id: String,
    /// The event's place in the log.
    pub position: u64,
    /// The event's type.
    pub event_type: String,
    /// How it ended.
    pub result: CompletionResult,
    /// What would be tried again; only where it went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<Box<AgentJob>>,
}

impl Completion {
    pub(super) fn of(job: &AgentJob, result: CompletionResult) -> Self {
        let failed = matches!(result, CompletionResult::Failed { .. });
        Self {
            agent_id: job.agent_id.clone(),
            subject: job.subject.clone(),
            lane: job.lane.clone(),
            event_id: job.event.event_id.clone(),
            position: job.event.position,
            event_type: job.event.event_type.clone(),
            result,
            job: failed.then(|| Box::new(job.clone())),
        }
    }

    /// The decision, if there is one.
    pub const fn decision(&self) -> Option<&AgentDecision> {
        match &self.result {
            CompletionResult::Success { decision } => Some(decision),
            _ => None,
        }
    }

    /// The id of what follows from the event.
    pub fn decision_id(&self) -> String {
        decision_id(&self.agent_id, self.position)
    }
}

/// What is known of a question that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settlement {
    pub(super) call_id: String,
    /// What it cost, in millionths of a dollar; its reservation where nobody knows.
    pub(super) cost_micro_usd: Option<u64>,
    /// Whether the provider is well.
    pub(super) is_well: bool,
    /// Somebody has to look before it is asked again.
    #[serde(default)]
    pub(super) pauses_because: Option<String>,
}

/// What was said, for the thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) question: String,
    pub(super) answer: String,
}

/// The input of the completing transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Closing {
    pub(super) completion: Completion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settlement: Option<Settlement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) turn: Option<Turn>,
    /// The worker's own handling alone: what the program does instead went wrong.
    #[serde(default)]
    pub(super) plainly: bool,
}

/// What the completing transaction answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// The command that is to be handed over now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The approval that somebody has to give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<String>,
}

/// The input of the transaction that lets a question through.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Knock {
    pub(super) agent_id: String,
    pub(super) subject: String,
    pub(super) position: u64,
    /// How many questions about the event went wrong.
    pub(super) failures: u32,
    /// Names the question to the provider: the same for every try of this run.
    pub(super) question_id: String,
    pub(super) messages: Vec<LlmMessage>,
}
