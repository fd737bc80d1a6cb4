//! A command as it is sent, and what it is answered with.

use std::collections::BTreeMap;

use everstep_engine::{Payload, Role};
use serde::{Deserialize, Serialize};

use super::CommandRecord;

/// The longest id, in bytes.
const LONGEST: usize = 512;

/// Which way a command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// Over HTTP.
    Http,
    /// From a program that holds the engine.
    Sdk,
    /// From a workflow.
    Workflow,
    /// From a schedule, or a workflow of the type `send_command`.
    Schedule,
    /// A process manager, because of an event.
    ProcessManager,
    /// From an agent, by itself or because somebody approved it.
    Agent,
}

/// A command on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The command's name.
    pub command_type: String,
    /// Under this id it is executed once, however often it is sent.
    pub command_id: String,
    /// What it takes.
    pub payload: Payload,
    /// What belongs together; the command's own id when nothing was given.
    pub correlation_id: String,
    /// What led to it.
    pub causation_id: Option<String>,
    /// Who wishes for it.
    pub user_id: String,
    /// What the sender may do, by name.
    pub role: String,
    /// Which way it came.
    pub entry: Entry,
    /// Its place in a trace, as a W3C `traceparent`.
    pub trace: Option<String>,
    /// The consistency boundaries that it was wished in, by key, with the version that its sender
    /// knows of each: all its events belong to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, u64>,
}

impl CommandRequest {
    /// A command whose correlation begins with it.
    pub fn new(
        command_type: impl Into<String>,
        command_id: impl Into<String>,
        payload: Payload,
        entry: Entry,
    ) -> Self {
        let command_id = command_id.into();
        Self {
            command_type: command_type.into(),
            correlation_id: command_id.clone(),
            command_id,
            payload,
            causation_id: None,
            user_id: "local".to_owned(),
            role: Role::Admin.name().to_owned(),
            entry,
            trace: None,
            scopes: BTreeMap::new(),
        }
    }

    /// An id that nobody has used.
    #[must_use]
    pub fn fresh_id() -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// Refuses ids that cannot be kept.
    pub(super) fn check(&self) -> Result<(), String> {
        let given = [
            ("command id", Some(&self.command_id)),
            ("correlation id", Some(&self.correlation_id)),
            ("causation id", self.causation_id.as_ref()),
            ("user id", Some(&self.user_id)),
        ];
        for (what, text) in given {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > LONGEST {
                return Err(format!(
                    "{what} has {} bytes; it must have 1 to {LONGEST}",
                    text.len()
                ));
            }
            if text.chars().any(char::is_control) {
                return Err(format!("{what} {text:?} contains a control character"));
            }
        }
        Ok(())
    }
}

/// What became of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandOutcome {
    /// The record as it stands.
    pub record: CommandRecord,
    /// Whether this request made it; false when an earlier one had.
    pub is_new: bool,
}
