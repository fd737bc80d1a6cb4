//! `terminate`: ends a run at once; its code is not asked and cleans nothing up.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `terminate`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TerminateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Why; it stands in the history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl TerminateArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.terminate(&self.run.selector(), &self.reason).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("terminated {}", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
