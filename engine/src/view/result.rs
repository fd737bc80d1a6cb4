//! How a run ended, or that it has not.

use serde::{Deserialize, Serialize};

use crate::{Failure, Payload, RunId, RunStatus};

/// The answer to a wait for a run's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunResult {
    /// Where the run stands; `running` when the wait ended first.
    pub status: RunStatus,
    /// What it returned, when `completed`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub result: Option<Payload>,
    /// Why it failed, when `failed` or `timed_out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub failure: Option<Failure>,
    /// The run that it continued as, when `continued_as_new`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub new_run_id: Option<RunId>,
}

impl RunResult {
    /// The run is still open.
    pub const fn open(status: RunStatus) -> Self {
        Self { status, result: None, failure: None, new_run_id: None }
    }
}

/// A `null` that is there is a result, not its absence.
pub(super) fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}
