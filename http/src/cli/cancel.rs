//! `cancel`: asks a run to end in its own way, with its clean-up and compensations.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `cancel`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl CancelArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.cancel(&self.run.selector()).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("asked {} to cancel", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
