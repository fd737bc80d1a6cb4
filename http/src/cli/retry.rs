//! `retry`: tries now what waits for its next try.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};

/// The flags of `retry`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The activity, by its id; without one the run's code is tried again.
    #[arg(long, value_name = "ACTIVITY_ID")]
    activity: Option<u32>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl RetryArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let selector = self.run.selector();
            let what = match self.activity {
                Some(activity_id) => {
                    client.retry_activity(&selector, activity_id).await?;
                    format!("activity {activity_id}")
                }
                None => {
                    client.retry_task(&selector).await?;
                    "the code".to_owned()
                }
            };
            match self.remote.json {
                true => print_json(&serde_json::json!({ "accepted": true }))?,
                false => print(&format!("{what} of {} is tried now", self.run.workflow_id()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
