//! When a schedule fires and what it starts, as its owner writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calendar::CalendarSpec;
use crate::{Payload, Timestamp};

/// A year: how late a firing may be made up where nothing else is said, in milliseconds.
pub const DEFAULT_CATCHUP_WINDOW_MS: u64 = 365 * 86_400_000;

/// When a schedule fires: at every instant that any of its parts names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleSpec {
    /// Cron expressions: five fields, six with seconds in front, seven with the year at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cron: Vec<String>,
    /// Milliseconds from one firing to the next, counted from 1970 UTC; at least 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 100))]
    pub interval_ms: Option<u64>,
    /// Milliseconds by which the interval's firings are moved on; less than the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_offset_ms: Option<u64>,
    /// Calendars: every field of one must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarSpec>,
    /// The IANA time zone of cron expressions and calendars; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Each firing comes up to so many milliseconds late, always the same for the same instant
    /// and never past the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u64>,
    /// Nothing fires before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub start_at: Option<Timestamp>,
    /// Nothing fires after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub end_at: Option<Timestamp>,
}

/// What to do when a firing comes while a run of the schedule is still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Do not start; it is counted and shown.
    #[default]
    Skip,
    /// Start when the open run closes; at most one waits, further ones are skipped.
    BufferOne,
    /// Start one after the other as each closes; at most 1,000 wait, further ones are counted as
    /// dropped.
    BufferAll,
    /// Ask the open run to cancel and start when it has closed.
    CancelOther,
    /// Terminate the open run and start.
    TerminateOther,
    /// Start beside it.
    AllowAll,
}

impl Overlap {
    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer_one",
            Self::BufferAll => "buffer_all",
            Self::CancelOther => "cancel_other",
            Self::TerminateOther => "terminate_other",
            Self::AllowAll => "allow_all",
        }
    }
}

/// The workflow that a firing starts, as `{id_prefix}-{scheduled_at}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleAction {
    /// The registered workflow type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// The input, any JSON.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub input: Payload,
    /// What the runs' workflow ids begin with; the schedule's id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    /// Milliseconds after which a run is timed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_timeout_ms: Option<u64>,
    /// A JSON object that every run shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>))]
    pub memo: Option<Payload>,
    /// Attributes that the list can filter by, beside `schedule_id` and `scheduled_at`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub search_attributes: BTreeMap<String, Payload>,
}

/// All of a schedule that its owner decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleDefinition {
    /// When it fires.
    pub spec: ScheduleSpec,
    /// What it does when a run is still open.
    #[serde(default)]
    pub overlap: Overlap,
    /// A firing that could not be made in time (the server was down, say) is made up if it is not
    /// later than this, in milliseconds; else it is counted as missed. A year when absent.
    #[serde(default = "default_catchup_window_ms")]
    pub catchup_window_ms: u64,
    /// What it starts.
    pub action: ScheduleAction,
    /// After so many runs of its own it is finished; triggers and backfills do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

const fn default_catchup_window_ms() -> u64 {
    DEFAULT_CATCHUP_WINDOW_MS
}

impl ScheduleDefinition {
    /// A definition with the defaults: overlapping firings are skipped, late ones are made up
    /// within a year.
    pub fn new(spec: ScheduleSpec, action: ScheduleAction) -> Self {
        let catchup_window_ms = DEFAULT_CATCHUP_WINDOW_MS;
        Self { spec, action, catchup_window_ms, overlap: Overlap::default(), limit: None }
    }
}
