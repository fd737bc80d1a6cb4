//! Commands: sending them, and what became of them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::Payload;

/// A command to send.
#[derive(Clone, Debug, Serialize)]
pub struct CommandInput {
    /// What it takes.
    pub payload: Payload,
    /// Under this id it is executed once; one is made when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// What belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Who wishes for it; the caller when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The scopes that it is decided in, by key, with the version that the sender knows of each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, u64>,
}

impl CommandInput {
    /// A command that takes this.
    pub const fn new(payload: Payload) -> Self {
        Self {
            payload,
            command_id: None,
            correlation_id: None,
            user_id: None,
            scopes: BTreeMap::new(),
        }
    }
}

fn path(name: &str) -> Path {
    Path::new("/api/v1/commands").segment(name)
}

impl Client {
    /// Sends a command; all of it is durable when it is answered, with the command's record.
    ///
    /// # Errors
    /// The domain's rejection under its own code, `command_failed`, `UNKNOWN_COMMAND_TYPE`,
    /// `idempotency_conflict`, or what went wrong on the way.
    pub async fn send_command(
        &self,
        command_type: &str,
        input: &CommandInput,
    ) -> Result<Value, ClientError> {
        let body = serde_json::to_vec(input).map_err(ClientError::shape("the command"))?;
        self.connection.send(Call::post(path(command_type), body)).await?.to()
    }

    /// The record of a command.
    ///
    /// # Errors
    /// The server's refusal (`command_not_found`), or what went wrong on the way.
    pub async fn command(&self, command_id: &str) -> Result<Value, ClientError> {
        self.connection.send(Call::get(path(command_id))).await?.to()
    }

    /// The events that a command led to.
    ///
    /// # Errors
    /// The server's refusal (`command_not_found`), or what went wrong on the way.
    pub async fn command_events(&self, command_id: &str) -> Result<Value, ClientError> {
        self.connection.send(Call::get(path(command_id).segment("events"))).await?.to()
    }
}
