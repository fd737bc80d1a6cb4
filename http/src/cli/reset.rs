//! `reset`: begins a new run with a part of a run's history.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};
use super::values;
use crate::{EventEdit, Payload, ResetRequest};

/// The flags of `reset`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ResetArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The last event that the new run takes over.
    #[arg(long, value_name = "EVENT_ID")]
    to: u64,
    /// Why; it stands in the history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Leave out the signals that came after that event.
    #[arg(long)]
    no_signals: bool,
    /// Another input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON", value_parser = values::json)]
    input: Option<Payload>,
    /// Another result for a recorded activity; may be repeated.
    #[arg(long = "edit", value_name = "EVENT_ID=JSON", value_parser = edit)]
    edits: Vec<EventEdit>,
    /// Makes a repeated reset harmless.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

fn edit(text: &str) -> Result<EventEdit, String> {
    let (event, result) = text.split_once('=').ok_or("expected EVENT_ID=JSON")?;
    let event_id = event.parse().map_err(|_| format!("`{event}` is no event id"))?;
    Ok(EventEdit { event_id, result: Some(values::json(result)?), payload: None })
}

impl ResetArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let request = ResetRequest {
                to_event_id: self.to,
                reason: self.reason.clone(),
                reapply_signals: !self.no_signals,
                input: self.input.clone(),
                edits: self.edits.clone(),
                idempotency_key: self.idempotency_key.clone(),
            };
            let started = client.reset(&self.run.selector(), &request).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({
                    "workflow_id": started.workflow_id, "run_id": started.run_id,
                }))?,
                false => {
                    let id = self.run.workflow_id();
                    print(&format!("{id} goes on as run {}", started.run_id))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
