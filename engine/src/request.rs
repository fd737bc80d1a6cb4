//! What callers ask of the engine, before any of it is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Payload, RunId, TraceContext};

/// The namespace that is used where none is named.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Names a workflow's newest run, or one run of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The namespace that holds the workflow.
    pub namespace: String,
    /// The workflow's id, as its starter chose it.
    pub workflow_id: String,
    /// One run; none means the newest.
    pub run_id: Option<RunId>,
}

impl Selector {
    /// The newest run of a workflow in the default namespace.
    pub fn newest(workflow_id: impl Into<String>) -> Self {
        Self { namespace: DEFAULT_NAMESPACE.into(), workflow_id: workflow_id.into(), run_id: None }
    }
}

/// What to do when the id belongs to a closed run (or, for `TerminateIfRunning`, to any).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdReuse {
    /// Refuse.
    #[default]
    RejectDuplicate,
    /// Start unless the closed run completed.
    AllowIfFailed,
    /// Start after any closed run.
    AllowIfClosed,
    /// Start after any closed run; end an open one first.
    TerminateIfRunning,
}

/// What to do when the id belongs to an open run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Refuse.
    #[default]
    Fail,
    /// Answer the open run.
    UseExisting,
}

/// A signal's name and what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalInput {
    /// The signal's name.
    pub name: String,
    /// What it carries.
    #[serde(default)]
    pub payload: Payload,
}

/// An update: what to ask of a workflow, and under which id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateInput {
    /// The update's name.
    pub name: String,
    /// Its argument.
    #[serde(default)]
    pub payload: Payload,
    /// Makes a repeated update answer what the first one answered; none lets the engine choose a
    /// fresh one.
    #[serde(default, rename = "id", skip_serializing_if = "Option::is_none")]
    pub update_id: Option<String>,
}

impl UpdateInput {
    /// An id that no other update has.
    pub fn fresh_id() -> String {
        uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
    }
}

/// Starts a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The namespace to start in.
    pub namespace: String,
    /// The registered workflow type.
    pub workflow_type: String,
    /// The workflow's id; none lets the engine choose one.
    pub workflow_id: Option<String>,
    /// The input.
    pub input: Payload,
    /// Policy for an id whose run is closed.
    pub id_reuse: IdReuse,
    /// Policy for an id whose run is open.
    pub on_conflict: OnConflict,
    /// Milliseconds before the code runs first.
    pub start_delay_ms: Option<u64>,
    /// Milliseconds that the execution may take: the run and all that it continues as. Time runs
    /// from the end of the start delay.
    pub execution_timeout_ms: Option<u64>,
    /// Milliseconds that the run may take, from the end of the start delay.
    pub run_timeout_ms: Option<u64>,
    /// A JSON object, shown and returned, not searched.
    pub memo: Option<Payload>,
    /// Attributes that the list can filter by.
    pub search_attributes: BTreeMap<String, Payload>,
    /// A signal that the answered run receives in the same commit.
    pub signal: Option<SignalInput>,
    /// An update that the answered run is asked in the same commit.
    pub update: Option<Box<UpdateInput>>,
    /// Makes a repeated start answer what the first one answered.
    pub idempotency_key: Option<String>,
    /// The trace that the starter belongs to; what the run does becomes a part of it.
    pub trace: Option<Box<TraceContext>>,
}

impl StartRequest {
    /// A start with the defaults of the HTTP API.
    pub fn new(workflow_type: impl Into<String>, input: Payload) -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.into(),
            workflow_type: workflow_type.into(),
            workflow_id: None,
            input,
            id_reuse: IdReuse::default(),
            on_conflict: OnConflict::default(),
            start_delay_ms: None,
            execution_timeout_ms: None,
            run_timeout_ms: None,
            memo: None,
            search_attributes: BTreeMap::new(),
            signal: None,
            update: None,
            idempotency_key: None,
            trace: None,
        }
    }
}

/// Resets a run: a new run of the same id begins with a part of its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRequest {
    /// The last event that is taken over.
    pub to_event_id: u64,
    /// Why; an open run is terminated with it.
    pub reason: String,
    /// Whether signals that came after that event are received again.
    pub reapply_signals: bool,
    /// Replaces the input.
    pub input: Option<Payload>,
    /// Replaces what was recorded in events that are taken over.
    pub edits: Vec<EventEdit>,
    /// Makes a repeated reset answer what the first one answered.
    pub idempotency_key: Option<String>,
}

impl ResetRequest {
    /// A reset that takes over the events up to `to_event_id`, edits nothing, and receives later
    /// signals again.
    pub fn new(to_event_id: u64, reason: impl Into<String>) -> Self {
        Self {
            to_event_id,
            reason: reason.into(),
            reapply_signals: true,
            input: None,
            edits: Vec::new(),
            idempotency_key: None,
        }
    }
}

/// Another outcome for a recorded event. Exactly one of its values is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventEdit {
    /// Which event.
    pub event_id: u64,
    /// What an activity is to have returned.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub result: Option<Payload>,
    /// What a signal is to have carried.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub payload: Option<Payload>,
}

/// The answer to a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run that was started or found.
    pub run_id: RunId,
    /// Whether this request started it.
    pub started: bool,
}
