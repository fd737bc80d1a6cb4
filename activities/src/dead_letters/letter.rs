//! A dead letter as it is stored and shown, and which state may follow which.

use everstep_decider::fsm::{Machine, State};
use everstep_engine::{ActivityError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DeadLetterKind;

/// How far a dead letter has come.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterStatus {
    /// Somebody has to decide.
    #[default]
    Pending,
    /// It is being tried again.
    Retrying,
    /// It worked after all.
    Resolved,
    /// Somebody decided that it need not be.
    Ignored,
}

impl State for DeadLetterStatus {
    const ALL: &'static [Self] = &[Self::Pending, Self::Retrying, Self::Resolved, Self::Ignored];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }
}

/// Which state may follow which.
pub const DEAD_LETTER_STATUS: Machine<DeadLetterStatus> = Machine::new(
    "dead letter",
    DeadLetterStatus::Pending,
    &[
        (DeadLetterStatus::Pending, &[DeadLetterStatus::Retrying, DeadLetterStatus::Ignored]),
        (DeadLetterStatus::Retrying, &[DeadLetterStatus::Resolved, DeadLetterStatus::Pending]),
    ],
);

impl DeadLetterStatus {
    /// Whether nothing follows.
    pub fn is_over(self) -> bool {
        DEAD_LETTER_STATUS.is_terminal(self)
    }
}

/// Work that was given up on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id; ids follow the time.
    pub id: String,
    /// What kind of work.
    pub kind: String,
    /// Which piece of work, within the kind.
    pub source: String,
    /// Whom it was for: what figures are kept by.
    pub target: String,
    /// The key under which the work waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// How far it has come.
    pub status: DeadLetterStatus,
    /// How often it was tried before it was given up on.
    pub attempts: u32,
    /// How often it was tried again from here.
    pub retries: u32,
    /// The type of what went wrong last.
    pub error_type: String,
    /// What went wrong last.
    pub last_error: String,
    /// What would be tried again.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// What it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The trace that it belongs to, as a W3C `traceparent`; a retry goes on in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<String>,
    /// Since when it is here.
    pub recorded_at: Timestamp,
    /// When its state changed last.
    pub updated_at: Timestamp,
    /// Who had the last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it was ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is written down of work that is given up on.
#[derive(Clone, Debug)]
pub struct NewDeadLetter {
    pub(super) kind: &'static str,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) partition: Option<String>,
    pub(super) attempts: u32,
    pub(super) error_type: String,
    pub(super) last_error: String,
    pub(super) payload: Value,
    pub(super) correlation_id: Option<String>,
    pub(super) trace_context: Option<String>,
}

impl NewDeadLetter {
    /// A piece of work of this kind, which was for `target`: keep targets few, since figures are
    /// kept for each.
    pub fn new(kind: DeadLetterKind, source: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            kind: kind.name(),
            source: source.into(),
            target: target.into(),
            partition: None,
            attempts: 1,
            error_type: String::new(),
            last_error: String::new(),
            payload: Value::Null,
            correlation_id: None,
            trace_context: None,
        }
    }

    /// What went wrong last.
    #[must_use]
    pub fn failure(mut self, error: &ActivityError) -> Self {
        error.kind().clone_into(&mut self.error_type);
        self.last_error.clone_from(&error.failure().message);
        self
    }

    /// How often it was tried.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The key under which the work waits for its turn.
    #[must_use]
    pub fn partition(mut self, key: impl Into<String>) -> Self {
        self.partition = Some(key.into());
        self
    }

    /// What would be tried again.
    #[must_use]
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }

    /// What it belongs to.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// The trace that it belongs to, as a W3C `traceparent`.
    #[must_use]
    pub fn trace_context(mut self, trace: impl Into<String>) -> Self {
        self.trace_context = Some(trace.into());
        self
    }
}
