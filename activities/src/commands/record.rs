//! What is kept of a command: what was wished for, by whom, and what became of it.
//!
//! Invariant: a record stands in one commit with its command's events and state, so its status is
//! never ahead of them nor behind.

use std::collections::BTreeMap;

use everstep_engine::{ActivityError, Keys, Payload, Table, Timestamp, TransactionContext};
use serde::{Deserialize, Serialize};

use super::request::{CommandRequest, Entry};

/// By command id.
const RECORDS: Table<CommandRecord> = Table::new("everstep", "commands");
/// Status, time (newest first) and id, so that each list is a range.
const BY_STATUS: Table<()> = Table::new("everstep", "commands_by_status");
/// Correlation id, separator, command id.
const CORRELATIONS: Table<()> = Table::new("everstep", "command_correlations");

/// Between the parts of a key: no id contains it.
const SEPARATOR: char = '\u{1}';

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandStatus {
    /// Recorded. All steps are one transaction, so only code within it meets this one.
    Pending,
    /// It happened.
    Executed,
    /// A rule said no.
    Rejected,
    /// Something unexpected; an event tells of it.
    Failed,
}

impl CommandStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Executed, Self::Rejected, Self::Failed];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// The status of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// The steps of every command, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is recorded, or known already.
    Record,
    /// Validation, authorization and whatever else stands around it.
    Middleware,
    /// The handler decides.
    Handler,
    /// A rejection or a failure is looked at.
    Rejection,
    /// Events and state are written.
    Append,
    /// Projections see the events.
    Projections,
    /// The status and the answer are written.
    Status,
}

impl Step {
    /// How many there are.
    const COUNT: usize = 7;

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Middleware => "middleware",
            Self::Handler => "handler",
            Self::Rejection => "rejection",
            Self::Append => "append",
            Self::Projections => "projections",
            Self::Status => "status",
        }
    }
}

/// What is kept of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Its id.
    pub command_id: String,
    /// Its name.
    #[serde(rename = "type")]
    pub command_type: String,
    /// How far it has come.
    pub status: CommandStatus,
    /// What it took.
    pub payload: Payload,
    /// Who wished for it.
    pub user_id: String,
    /// Which way it came.
    pub entry: Entry,
    /// What belongs together.
    pub correlation_id: String,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// When it came, in milliseconds since 1970.
    pub received_at_ms: i64,
    /// The steps that it took.
    pub steps: Vec<Step>,
    /// What it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Payload>,
    /// Why it was rejected, to decide by; `command_failed` for a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the rule looked at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, serde_json::Value>,
    /// The middleware that turned it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The position of its first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_position: Option<u64>,
    /// How many events it has.
    #[serde(default)]
    pub events: u64,
}

impl CommandRecord {
    pub(super) fn begin(request: &CommandRequest, payload: Payload, now: Timestamp) -> Self {
        Self {
            command_id: request.command_id.clone(),
            command_type: request.command_type.clone(),
            status: CommandStatus::Pending,
            payload,
            user_id: request.user_id.clone(),
            entry: request.entry,
            correlation_id: request.correlation_id.clone(),
            causation_id: request.causation_id.clone(),
            received_at_ms: now.as_millis(),
            steps: Vec::with_capacity(Step::COUNT),
            result: None,
            code: None,
            message: None,
            context: BTreeMap::new(),
            refused_by: None,
            first_position: None,
            events: 0,
        }
    }

    /// Its span: whoever takes the program's traces sees its steps below it.
    pub(super) fn span(&self) -> tracing::Span {
        let Self { command_type, command_id, correlation_id, entry, .. } = self;
        tracing::debug_span!("command", command_type, command_id, correlation_id, ?entry)
    }

    /// It takes a step.
    pub(super) fn pass(&mut self, step: Step) {
        self.steps.push(step);
        tracing::debug!(step = step.name(), "command step");
    }

    /// Whether a request asks for the same thing: its name and its payload, however that is spaced.
    pub(super) fn is_of(&self, request: &CommandRequest) -> bool {
        let value = |payload: &Payload| payload.to::<serde_json::Value>().ok();
        self.command_type == request.command_type
            && (self.payload == request.payload || value(&self.payload) == value(&request.payload))
    }

    fn status_key(&self) -> String {
        status_key(self.status, self.received_at_ms, &self.command_id)
    }

    fn correlation_key(&self) -> String {
        format!("{}{SEPARATOR}{}", self.correlation_id, self.command_id)
    }

    /// Writes the record anew, with what it is found by.
    pub(super) fn keep(&self, tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
        tx.put(RECORDS, &self.command_id, self)?;
        if self.status != CommandStatus::Pending {
            tx.put(BY_STATUS, &self.status_key(), &())?;
            tx.put(CORRELATIONS, &self.correlation_key(), &())?;
        }
        Ok(())
    }

    /// Ends to be kept; its events stay.
    pub(super) fn forget(&self, tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
        tx.delete(RECORDS, &self.command_id)?;
        tx.delete(BY_STATUS, &self.status_key())?;
        tx.delete(CORRELATIONS, &self.correlation_key())
    }
}

/// Newer ones first: the time counts down.
fn status_key(status: CommandStatus, at_ms: i64, id: &str) -> String {
    let down = i64::MAX.saturating_sub(at_ms.max(0));
    format!("{}{SEPARATOR}{down:016x}{SEPARATOR}{id}", status.name())
}

/// The record under an id.
pub(super) fn record(
    tx: &TransactionContext<'_>,
    command_id: &str,
) -> Result<Option<CommandRecord>, ActivityError> {
    tx.get(RECORDS, command_id)
}

/// Ids of a status, newest first, after a key of an earlier page; with their keys.
pub(super) fn ids_of(
    tx: &TransactionContext<'_>,
    status: CommandStatus,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, String)>, ActivityError> {
    let keys = Keys::prefix(format!("{}{SEPARATOR}", status.name())).limit(limit);
    let keys = if let Some(after) = after { keys.after(after) } else { keys };
    ids(tx.range(BY_STATUS, &keys)?)
}

/// Ids of a status that came before a time; with their keys.
pub(super) fn ids_before(
    tx: &TransactionContext<'_>,
    status: CommandStatus,
    at_ms: i64,
    limit: usize,
) -> Result<Vec<(String, String)>, ActivityError> {
    ids_of(tx, status, Some(&status_key(status, at_ms, "")), limit)
}

/// Ids of a correlation.
pub(super) fn correlated(
    tx: &TransactionContext<'_>,
    correlation_id: &str,
    limit: usize,
) -> Result<Vec<String>, ActivityError> {
    let keys = Keys::prefix(format!("{correlation_id}{SEPARATOR}")).limit(limit);
    Ok(ids(tx.range(CORRELATIONS, &keys)?)?.into_iter().map(|(_, id)| id).collect())
}

fn ids(rows: Vec<(String, ())>) -> Result<Vec<(String, String)>, ActivityError> {
    let id = |key: &str| key.rsplit(SEPARATOR).next().unwrap_or_default().to_owned();
    Ok(rows.into_iter().map(|(key, ())| (id(&key), key)).map(|(id, key)| (key, id)).collect())
}
