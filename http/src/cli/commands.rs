//! `command send|show`: commands and what became of them.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::remote::{CliError, RemoteArgs, print, print_json};
use super::values;
use crate::Payload;
use crate::client::CommandInput;

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum CommandsCommand {
    /// Send a command; under an id it is executed once, however often it is sent.
    Send(SendArgs),
    /// Show a command and the events that it led to.
    Show(ShowArgs),
}

/// The flags of `command send`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SendArgs {
    /// The command's type.
    #[arg(value_name = "TYPE")]
    command_type: String,
    /// What it takes: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "PAYLOAD", value_parser = values::json, allow_negative_numbers = true)]
    payload: Option<Payload>,
    /// The command's id; one is made when absent.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What it belongs to; the command's id when absent.
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Who wishes for it; the token's name when absent.
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// A scope that it is decided in, and the version that is known of it; may be given again.
    #[arg(long = "scope", value_name = "KEY=VERSION", value_parser = scope)]
    scopes: Vec<(String, u64)>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `command show`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The command's id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

fn scope(text: &str) -> Result<(String, u64), String> {
    let parts = text.rsplit_once('=').map(|(key, version)| (key, version.parse()));
    match parts {
        Some((key, Ok(version))) => Ok((key.to_owned(), version)),
        _ => Err("write it as `KEY=VERSION`, as in `tenant:default:hall:7=3`".to_owned()),
    }
}

impl CommandsCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Send(args) => args.run(),
            Self::Show(args) => args.run(),
        }
    }
}

impl SendArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let input = CommandInput {
                command_id: self.id.clone(),
                correlation_id: self.correlation_id.clone(),
                user_id: self.user_id.clone(),
                scopes: self.scopes.iter().cloned().collect(),
                ..CommandInput::new(self.payload.clone().unwrap_or_default())
            };
            let sent = client.send_command(&self.command_type, &input).await?;
            if self.remote.json {
                print_json(&sent)?;
                return Ok(ExitCode::SUCCESS);
            }
            let again = if sent["is_new"] == json!(false) { " before" } else { "" };
            let (id, status) = (text(&sent, "command_id"), text(&sent, "status"));
            print(&format!("command {id} was {status}{again}: {}", sent["result"]))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl ShowArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let mut shown = client.command(&self.id).await?;
            let mut events = client.command_events(&self.id).await?;
            shown["events"] = events["events"].take();
            if self.remote.json {
                print_json(&shown)?;
            } else {
                let text = serde_json::to_string_pretty(&shown);
                print(&text.map_err(|error| CliError::Failed(error.to_string()))?)?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}
