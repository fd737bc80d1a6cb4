//! One run in full: what `describe` answers and the inspector's run page shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::TaskFailure;
use crate::{Failure, Payload, RunId, RunStatus, Timestamp};

/// Everything about one run but its events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDescription {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
    /// What it was started with.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub input: Payload,
    /// What it returned.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::result::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub result: Option<Payload>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub failure: Option<Failure>,
    /// Number of events in its history.
    pub history_length: u64,
    /// Stored size of its history, in bytes.
    pub history_bytes: u64,
    /// The workflow that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Workflows that it started.
    pub children: Vec<String>,
    /// Activities that have not ended.
    pub pending_activities: Vec<PendingActivityView>,
    /// Timers that have not fired.
    pub pending_timers: Vec<PendingTimerView>,
    /// What the code waits for, by kind.
    pub awaiting: Vec<Awaiting>,
    /// The same as one sentence for people.
    pub waiting_for: String,
    /// The starter's memo.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub memo: Payload,
    /// Attributes that the list can filter by.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub search_attributes: BTreeMap<String, Payload>,
    /// The build that started it.
    pub build_id: String,
    /// The namespace that holds it.
    pub namespace: String,
    /// Whether cancellation was asked for.
    pub cancel_requested: bool,
    /// Why its code cannot go on at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_failure: Option<TaskFailure>,
}

/// An activity that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingActivityView {
    /// Its id within the run.
    pub activity_id: String,
    /// The registered type, or the name of an inline step.
    #[serde(rename = "type")]
    pub activity_type: String,
    /// The attempt that runs or that comes next, from 1.
    pub attempt: u32,
    /// The last attempt there will be; none when there is no limit.
    pub max_attempts: Option<u32>,
    /// `started`, `backing_off` or `cancel_requested`.
    pub state: String,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub last_failure: Option<Failure>,
    /// When the next attempt starts, while backing off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next_attempt_at: Option<Timestamp>,
    /// When the code asked for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub scheduled_at: Timestamp,
    /// Milliseconds that one attempt may take.
    pub start_to_close_ms: u64,
    /// First pause before a retry, in milliseconds.
    pub initial_interval_ms: u64,
    /// Factor from one pause to the next.
    pub backoff_coefficient: f64,
    /// Longest pause, in milliseconds.
    pub max_interval_ms: u64,
}

/// A timer that has not fired.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingTimerView {
    /// Its id within the run.
    pub timer_id: String,
    /// When it fires.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fires_at: Timestamp,
}

/// One thing that the run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Awaiting {
    /// `activity`, `timer`, `signal`, `start_delay` or `task_retry`.
    pub kind: String,
    /// The activity's type, the timer's id or the signal's name.
    pub name: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub since: Timestamp,
}
