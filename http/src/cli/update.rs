//! `update`: asks something of a workflow and prints its answer.

use std::process::ExitCode;
use std::time::Duration;

use super::remote::{CliError, RemoteArgs, RunArgs, print, print_json};
use super::screen::printable;
use super::values;
use crate::client::Client;
use crate::{Payload, UpdateInput, UpdateState, UpdateStatus};

/// How long it waits when nothing is said.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The flags of `update`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct UpdateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The update's name.
    #[arg(value_name = "NAME", required_unless_present = "outcome")]
    name: Option<String>,
    /// Its argument: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "ARGUMENT", value_parser = values::json, allow_negative_numbers = true)]
    argument: Option<Payload>,
    /// The update's id: a repeated update of the same id gets the first one's answer.
    #[arg(long = "id", value_name = "UPDATE_ID")]
    update_id: Option<String>,
    /// Ask for the answer of an earlier update instead of sending one.
    #[arg(long, value_name = "UPDATE_ID", conflicts_with_all = ["name", "argument", "update_id"])]
    outcome: Option<String>,
    /// Wait for the answer at most so long (10s, 5m, 2h) [default: 30s].
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    wait: Option<Duration>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl UpdateArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let state = self.send(&client).await?;
            match self.remote.json {
                true => print_json(&state)?,
                false => print(&self.render(&state))?,
            }
            Ok(match state.status {
                UpdateStatus::Completed => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            })
        })
    }

    async fn send(&self, client: &Client) -> Result<UpdateState, CliError> {
        let selector = self.run.selector();
        let wait = self.wait.unwrap_or(DEFAULT_WAIT);
        if let Some(update_id) = &self.outcome {
            return Ok(client.update_outcome(&selector, update_id, wait).await?);
        }
        let update = UpdateInput {
            name: self.name.clone().unwrap_or_default(),
            payload: self.argument.clone().unwrap_or_default(),
            update_id: self.update_id.clone(),
        };
        Ok(client.update(&selector, &update, wait).await?)
    }

    fn render(&self, state: &UpdateState) -> String {
        let (name, id) = (printable(&state.name), printable(&state.update_id));
        match (&state.result, &state.failure) {
            (Some(result), _) => result.as_str().to_owned(),
            (None, Some(failure)) => {
                let text = format!("update {name} failed: {}: {}", failure.kind, failure.message);
                printable(&text)
            }
            (None, None) => {
                let stage = match state.status {
                    UpdateStatus::Accepted => "taken by the workflow and not answered yet",
                    _ => "kept, and not looked at by the workflow yet",
                };
                let workflow = self.run.workflow_id();
                format!(
                    "update {name} is {stage}; ask again with: update {workflow} --outcome {id}"
                )
            }
        }
    }
}
