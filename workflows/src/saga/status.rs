//! How a saga stands, as it is stored and shown.

use everstep_activities::decider::fsm::{Machine, State};
use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a saga is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SagaStatus {
    /// It is going to begin.
    Pending,
    /// It takes its steps.
    Running,
    /// It undoes what was done.
    Compensating,
    /// All of it was done.
    Completed,
    /// What was done is undone.
    Compensated,
    /// It ended without either.
    Failed,
}

impl State for SagaStatus {
    const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Running,
        Self::Compensating,
        Self::Completed,
        Self::Compensated,
        Self::Failed,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Failed => "failed",
        }
    }
}

/// Which status may follow which.
pub const SAGA_STATUS: Machine<SagaStatus> = Machine::new(
    "saga",
    SagaStatus::Pending,
    &[
        (SagaStatus::Pending, &[SagaStatus::Running, SagaStatus::Completed, SagaStatus::Failed]),
        (
            SagaStatus::Running,
            &[SagaStatus::Compensating, SagaStatus::Completed, SagaStatus::Failed],
        ),
        (
            SagaStatus::Compensating,
            // A saga within the run was undone, and the run went on without it.
            &[SagaStatus::Compensated, SagaStatus::Completed, SagaStatus::Failed],
        ),
    ],
);

/// What a saga cannot undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Which compensation.
    pub compensation: String,
    /// What it failed with.
    pub error: String,
    /// The dead letter under which somebody decides.
    pub dead_letter_id: String,
}

/// A saga as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SagaRecord {
    /// Its id: that of its workflow.
    pub saga_id: String,
    /// Its workflow's type.
    #[serde(rename = "type")]
    pub saga_type: String,
    /// How far it is.
    pub status: SagaStatus,
    /// Its run, once that has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Since when.
    pub started_at: Timestamp,
    /// When its status changed last.
    pub updated_at: Timestamp,
    /// When its run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why its steps did not go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it cannot undo, where it waits for somebody's decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
}
