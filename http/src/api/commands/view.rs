//! Commands and their events as the API shows them.

use std::collections::BTreeMap;

use everstep_activities::commands::{CommandEvent, CommandRecord};
use everstep_engine::{Payload, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A command and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Command)]
pub(in crate::api) struct CommandView {
    /// Its id.
    command_id: String,
    /// Its name.
    #[serde(rename = "type")]
    command_type: String,
    /// `pending`, `executed`, `rejected` or `failed`.
    status: &'static str,
    /// What it took.
    #[schema(value_type = Object)]
    payload: Payload,
    /// Who wished for it.
    user_id: String,
    /// Which way it came: `http`, `sdk`, `workflow` or `schedule`.
    #[schema(value_type = String)]
    entry: serde_json::Value,
    /// What belongs together.
    correlation_id: String,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    /// When it came.
    #[schema(value_type = String)]
    received_at: Timestamp,
    /// The steps that it took, in order.
    #[schema(value_type = Vec<String>)]
    steps: serde_json::Value,
    /// What it was answered with, if it was executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    result: Option<Payload>,
    /// Why it was not executed, to decide by.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// What the rule looked at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    context: BTreeMap<String, serde_json::Value>,
    /// The middleware that turned it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_by: Option<String>,
    /// The position of its first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_position: Option<u64>,
    /// How many events it led to.
    event_count: u64,
}

impl From<CommandRecord> for CommandView {
    fn from(record: CommandRecord) -> Self {
        // Names without data always have a JSON form.
        let name = |value| serde_json::to_value(value).unwrap_or_default();
        Self {
            command_id: record.command_id,
            command_type: record.command_type,
            status: record.status.name(),
            payload: record.payload,
            user_id: record.user_id,
            entry: name(record.entry),
            correlation_id: record.correlation_id,
            causation_id: record.causation_id,
            received_at: Timestamp::from_millis(record.received_at_ms),
            steps: serde_json::to_value(record.steps).unwrap_or_default(),
            result: record.result,
            code: record.code,
            message: record.message,
            context: record.context,
            refused_by: record.refused_by,
            first_position: record.first_position,
            event_count: record.events,
        }
    }
}

/// An event that a command led to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandEvent)]
pub(super) struct EventView {
    /// Its place in the log.
    position: u64,
    /// What happened.
    #[serde(rename = "type")]
    event_type: String,
    /// The type of its stream.
    stream_type: String,
    /// Its stream.
    stream_id: String,
    /// Its place in the stream.
    version: u64,
    /// What it says.
    #[schema(value_type = Object)]
    data: Payload,
    /// What belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
    /// When it was appended.
    #[schema(value_type = String)]
    recorded_at: Timestamp,
}

impl From<CommandEvent> for EventView {
    fn from(event: CommandEvent) -> Self {
        Self {
            position: event.position,
            event_type: event.event_type,
            stream_type: event.stream_type,
            stream_id: event.stream_id,
            version: event.version,
            data: event.data,
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            recorded_at: Timestamp::from_millis(event.recorded_at_ms),
        }
    }
}
