//! `signal`: tells a workflow something.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};
use super::screen::printable;
use super::values;
use crate::{Payload, SignalInput};

/// The flags of `signal`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SignalArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The signal's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// What it carries: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "PAYLOAD", value_parser = values::json, allow_negative_numbers = true)]
    payload: Option<Payload>,
    /// Makes a repeated send harmless.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl SignalArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let signal = SignalInput {
                name: self.name.clone(),
                payload: self.payload.clone().unwrap_or_default(),
            };
            client.signal(&self.run.selector(), &signal, self.idempotency_key.clone()).await?;
            let (name, id) = (printable(&self.name), self.run.workflow_id());
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("signal {name} recorded by {id}"))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
