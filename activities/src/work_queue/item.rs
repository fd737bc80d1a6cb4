//! An item of work, and how often it is tried.

use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::WorkKind;

/// How often an item is tried, and with which pauses: twice as long each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The last attempt, counted from 1.
    pub attempts: u32,
    /// The pause before the second attempt, in milliseconds.
    pub initial_ms: u64,
    /// The longest pause, in milliseconds.
    pub longest_ms: u64,
    /// Each pause is between half and one and a half of what it would be.
    pub jitter: bool,
}

impl Patience {
    /// Three attempts, first after 250 ms.
    pub const DEFAULT: Self =
        Self { attempts: 3, initial_ms: 250, longest_ms: 60_000, jitter: false };
    /// Five attempts, first after 1 s.
    pub const FIVE: Self =
        Self { attempts: 5, initial_ms: 1_000, longest_ms: 60_000, jitter: false };

    /// The pause after an attempt; `random` is in [0, 1).
    pub(super) fn pause_ms(self, attempt: u32, random: f64) -> u64 {
        let doubled = self.initial_ms.saturating_mul(1 << attempt.saturating_sub(1).min(32));
        let pause = doubled.min(self.longest_ms);
        match self.jitter {
            true => (pause as f64 * (0.5 + random)) as u64,
            false => pause,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct NewWork {
    pub(super) item: WorkItem,
    pub(super) delayed: bool,
}

/// An item of work as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    /// What kind of work.
    pub kind: String,
    /// Whose turn it is among.
    pub partition: String,
    /// Which piece of work, within the kind.
    pub source: String,
    /// Whom it is for.
    pub target: String,
    /// What is to be done.
    #[serde(default)]
    pub payload: Value,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// What it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The trace that it belongs to, through all attempts, as a W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<String>,
    /// The dead letter whose retry it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_id: Option<String>,
}

impl NewWork {
    /// A piece of work of this kind in this partition, for `target`.
    pub fn new(
        kind: WorkKind,
        partition: impl Into<String>,
        source: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        let item = WorkItem {
            kind: kind.name().to_owned(),
            partition: partition.into(),
            source: source.into(),
            target: target.into(),
            payload: Value::Null,
            not_before: None,
            correlation_id: None,
            trace_context: None,
            dead_letter_id: None,
        };
        Self { item, delayed: false }
    }

    /// What is to be done.
    #[must_use]
    pub fn payload(mut self, payload: Value) -> Self {
        self.item.payload = payload;
        self
    }

    /// It is the second try already: the first attempt comes after a pause.
    #[must_use]
    pub const fn after_a_pause(mut self) -> Self {
        self.delayed = true;
        self
    }

    /// What it belongs to.
    #[must_use]
    pub fn correlation_id(mut self, id: Option<String>) -> Self {
        self.item.correlation_id = id;
        self
    }

    /// The trace that it belongs to.
    #[must_use]
    pub fn trace_context(mut self, trace: Option<String>) -> Self {
        self.item.trace_context = trace;
        self
    }
}
