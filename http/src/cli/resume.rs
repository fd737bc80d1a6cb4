//! `resume`: lets a paused run go on with what was recorded meanwhile.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `resume`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl ResumeArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.resume(&self.run.selector()).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("resumed {}", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
