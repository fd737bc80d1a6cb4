//! `delete`: deletes a closed run with everything that is stored of it.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `delete`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DeleteArgs {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl DeleteArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.delete(&self.run.selector()).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "deleted": true }))?,
                false => print(&format!("deleted {}", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
