//! An event as an agent sees it: all that it will ever know of it.

use everstep_engine::Timestamp;
use everstep_engine::log::RecordedEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event of the log, or a row of a projection that tells of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentEvent {
    /// Its id: `evt_` and its position.
    pub event_id: String,
    /// Its place in the log.
    pub position: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When.
    pub at: Timestamp,
    /// The stream that it stands in.
    pub stream_id: String,
    /// What it says.
    pub data: Value,
}

impl AgentEvent {
    /// An event of that place in the log.
    pub fn new(position: u64, event_type: impl Into<String>, at: Timestamp, data: Value) -> Self {
        Self {
            event_id: event_id(position),
            position,
            event_type: event_type.into(),
            at,
            stream_id: String::new(),
            data,
        }
    }

    /// What the log has, with its data as it is read today.
    pub fn recorded(event: &RecordedEvent, data: Value) -> Self {
        let at = Timestamp::from_millis(event.recorded_at_ms());
        let mut own = Self::new(event.position(), event.event_type(), at, data);
        event.stream_id().clone_into(&mut own.stream_id);
        own
    }
}

/// The id of the event at a position.
pub(super) fn event_id(position: u64) -> String {
    format!("evt_{position}")
}
