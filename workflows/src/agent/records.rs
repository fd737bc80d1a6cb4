//! What the agents' context keeps: checkpoints, commands, approvals, dead letters.

use std::collections::BTreeSet;

use everstep_activities::rate_limit::Taken;
use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::analysis::Level;
use super::budget::Spending;
use super::{AgentStatus, Analysis};

/// How far an agent is in a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Whose.
    pub agent_id: String,
    /// In which subscription.
    pub subscription_id: String,
    /// How it is.
    pub status: AgentStatus,
    /// Every event up to here is dealt with; -1 before the first.
    pub last_processed_position: i64,
    /// The newest event that is dealt with, whatever lies before it.
    pub highest_position: i64,
    /// Events before that one that are under way or failed: their lanes wait, others go on.
    #[serde(default)]
    pub open: BTreeSet<u64>,
    /// How many events it has dealt with.
    pub events_processed: u64,
    /// Dead letters since the last success.
    pub failures_in_a_row: u32,
    /// What an operator has put in the place of the program's settings.
    #[serde(default)]
    pub config_overrides: Value,
    /// Why it does not take events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of its last audit record.
    pub last_audit_id: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Checkpoint {
    pub(super) fn new(agent_id: &str, subscription_id: &str, now: Timestamp) -> Self {
        Self {
            agent_id: agent_id.to_owned(),
            subscription_id: subscription_id.to_owned(),
            status: AgentStatus::Active,
            last_processed_position: -1,
            highest_position: -1,
            open: BTreeSet::new(),
            events_processed: 0,
            failures_in_a_row: 0,
            config_overrides: Value::Null,
            reason: None,
            last_audit_id: 0,
            updated_at: now,
        }
    }

    /// The event is under way.
    pub(super) fn begin(&mut self, position: u64) {
        self.open.insert(position);
        self.settle_mark();
    }

    /// The event is dealt with.
    pub(super) fn end(&mut self, position: u64) {
        self.open.remove(&position);
        self.highest_position = self.highest_position.max(signed(position));
        self.settle_mark();
    }

    fn settle_mark(&mut self) {
        let before_open = self.open.first().map(|first| signed(*first) - 1);
        let mark = before_open.map_or(self.highest_position, |it| it.min(self.highest_position));
        // What was dealt with stays so.
        self.last_processed_position = self.last_processed_position.max(mark);
    }
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// How far one lane is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneCheckpoint {
    /// The last event of the lane that is dealt with.
    pub last_processed_position: i64,
    /// When.
    pub updated_at: Timestamp,
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentCommandStatus {
    /// It is on its way.
    Pending,
    /// It is being handed over.
    Processing,
    /// It was executed.
    Completed,
    /// It was refused, or went wrong.
    Failed,
}

/// A command that an agent emitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCommand {
    /// Its id, which is the id of the command that the domain sees.
    pub command_id: String,
    /// Whose.
    pub agent_id: String,
    /// In which subscription.
    pub subscription_id: String,
    /// Its name.
    #[serde(rename = "type")]
    pub command_type: String,
    /// What it takes.
    pub payload: Value,
    /// How far it has come.
    pub status: AgentCommandStatus,
    /// What led to it.
    pub metadata: CommandMetadata,
    /// The status that it had, and since when.
    pub steps: Vec<CommandStep>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RecordedError>,
}

/// A status, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandStep {
    /// The status.
    pub status: AgentCommandStatus,
    /// Since when.
    pub at: Timestamp,
}

/// Why a command was emitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandMetadata {
    /// The pattern.
    pub pattern_id: String,
    /// The decision.
    pub decision_id: String,
    /// How sure.
    pub confidence: f64,
    /// Why.
    pub reason: String,
    /// What was concluded.
    pub analysis: Analysis,
    /// Upon which events.
    pub event_ids: Vec<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedError {
    /// To decide by.
    pub code: String,
    /// For people.
    pub message: String,
}

/// How an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Somebody has to decide.
    Pending,
    /// Somebody said yes.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Nobody said anything in time.
    Expired,
}

impl ApprovalStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Expired];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// Something that an agent would do, and that somebody has to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentApproval {
    /// Its id.
    pub approval_id: String,
    /// Whose.
    pub agent_id: String,
    /// In which subscription.
    pub subscription_id: String,
    /// How it stands.
    pub status: ApprovalStatus,
    /// The command that waits.
    pub command_type: String,
    /// What it takes.
    pub payload: Value,
    /// Whom or what it is about.
    pub subject: String,
    /// What led to it.
    pub metadata: CommandMetadata,
    /// How much is at stake, by how sure the agent is.
    pub risk_level: Level,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer_id: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<Timestamp>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why they said no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<String>,
}

/// What an agent has used of what it may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// When it asked.
    pub asked: Taken,
    /// Events that wait for their turn to ask, in the order in which they came.
    pub waiting: Vec<Waiting>,
    /// What it spent.
    pub spending: Spending,
}

/// An event that waits for its turn to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The decision that it waits for.
    pub decision_id: String,
    /// When it asks again, in milliseconds since 1970.
    pub until_ms: i64,
}

/// How long one is waited for that does not ask again: its workflow was ended by somebody.
const GONE_AFTER_MS: i64 = 60_000;

impl Usage {
    /// Forgets those that did not come back.
    pub(super) fn forget_gone(&mut self, now_ms: i64) {
        self.waiting.retain(|it| it.until_ms.saturating_add(GONE_AFTER_MS) > now_ms);
    }

    /// Where an event stands among those that wait.
    pub(super) fn place(&self, decision_id: &str) -> Option<usize> {
        self.waiting.iter().position(|it| it.decision_id == decision_id)
    }

    /// It waits no more.
    pub(super) fn leave(&mut self, decision_id: &str) {
        self.waiting.retain(|it| it.decision_id != decision_id);
    }
}

/// Which dead letter an event or a command has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LetterOf {
    /// The letter.
    pub dead_letter_id: String,
    /// The event that it is about.
    pub event_id: String,
}
