//! Why a run's code cannot go on.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Why a run's code cannot go on. The run stays open, and the code is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskFailure {
    /// What kind of failure.
    pub kind: TaskFailureKind,
    /// What happened and what to do, for people.
    pub message: String,
    /// The event at which code and history part.
    pub event_id: Option<u64>,
    /// What the history says there.
    pub recorded: Option<String>,
    /// What the code asked for.
    pub asked: Option<String>,
    /// Source file and line.
    pub location: Option<String>,
    /// When it was first seen.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub at: Timestamp,
}

/// The kinds of [`TaskFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskFailureKind {
    /// The code panicked.
    Panic,
    /// The code asked for something else than its history says.
    NonDeterminism,
    /// The code waits for nothing that could ever wake it.
    NotDurable,
    /// No worker of this server registers the workflow's type, or this version of it.
    Unregistered,
    /// The code gave the run something that is larger than the limit.
    PayloadTooLarge,
}

impl TaskFailureKind {
    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::NonDeterminism => "non_determinism",
            Self::NotDurable => "not_durable",
            Self::Unregistered => "unregistered",
            Self::PayloadTooLarge => "payload_too_large",
        }
    }
}
