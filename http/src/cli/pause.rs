//! `pause`: dispatches nothing more of a run until it is resumed.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `pause`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Why; it stands in the history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl PauseArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.pause(&self.run.selector(), &self.reason).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("paused {}", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
