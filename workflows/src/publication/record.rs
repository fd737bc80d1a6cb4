//! How far the delivery of an event to a target is.

use everstep_activities::decider::fsm::State;
use everstep_engine::{Table, Timestamp};
use serde::{Deserialize, Serialize};

/// By `position/target`.
pub(super) const PUBLICATIONS: Table<Publication> = Table::new("everstep", "publications");

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicationStatus {
    /// It was not tried yet.
    Pending,
    /// It is done.
    Delivered,
    /// It failed, and is tried again.
    Failed,
    /// It was given up.
    DeadLetter,
}

impl State for PublicationStatus {
    const ALL: &'static [Self] = &[Self::Pending, Self::Delivered, Self::Failed, Self::DeadLetter];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// The delivery of an event to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The event's position.
    pub position: u64,
    /// Its type.
    pub event_type: String,
    /// The context that it comes from, and that owns this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_context: Option<String>,
    /// The context that is told.
    pub target_context: String,
    /// How far it is.
    pub status: PublicationStatus,
    /// How often it was tried.
    pub attempt_count: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What the event belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// When the event was appended.
    pub published_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
}

impl Publication {
    /// The row's key: publications are in the order of events.
    pub(super) fn key(position: u64, target: &str) -> String {
        format!("{position:020}/{target}")
    }
}
