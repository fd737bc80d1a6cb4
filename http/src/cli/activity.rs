//! `activity complete|fail|heartbeat`: reports of an activity's attempt from outside.

use std::process::ExitCode;

use clap::Subcommand;

use super::remote::{RemoteArgs, print, print_json};
use super::values;
use crate::{Failure, Payload};

/// What is reported.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ActivityCommand {
    /// The attempt has ended with a result.
    Complete(CompleteArgs),
    /// The attempt has failed; another one is made as the activity's retry policy says.
    Fail(FailArgs),
    /// The attempt is alive.
    Heartbeat(HeartbeatArgs),
}

/// The flags of `activity complete`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CompleteArgs {
    /// The attempt's token; `show` prints those of activities that wait for one.
    #[arg(value_name = "TASK_TOKEN")]
    task_token: String,
    /// The result: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "RESULT", value_parser = values::json)]
    result: Option<Payload>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `activity fail`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FailArgs {
    /// The attempt's token; `show` prints those of activities that wait for one.
    #[arg(value_name = "TASK_TOKEN")]
    task_token: String,
    /// A stable name of the failure that code can decide by; `cancelled` says that the activity
    /// has ended as it was asked to.
    #[arg(value_name = "TYPE")]
    kind: String,
    /// What happened, for people.
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// No retry can help.
    #[arg(long)]
    non_retryable: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `activity heartbeat`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct HeartbeatArgs {
    /// The attempt's token; `show` prints those of activities that wait for one.
    #[arg(value_name = "TASK_TOKEN")]
    task_token: String,
    /// What the next attempt, if there is one, receives: JSON, @FILE, or - for standard input
    /// [default: null].
    #[arg(value_name = "DETAILS", value_parser = values::json)]
    details: Option<Payload>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl ActivityCommand {
    pub(super) fn run(&self) -> ExitCode {
        match self {
            Self::Complete(args) => args.run(),
            Self::Fail(args) => args.run(),
            Self::Heartbeat(args) => args.run(),
        }
    }
}

impl CompleteArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let result = self.result.clone().unwrap_or_default();
            client.complete_activity(&self.task_token, &result).await?;
            accepted(&self.remote, "activity completed")
        })
    }
}

impl FailArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let mut failure = Failure::new(&*self.kind, &*self.message);
            failure.non_retryable = self.non_retryable;
            client.fail_activity(&self.task_token, &failure).await?;
            accepted(&self.remote, "attempt failed")
        })
    }
}

impl HeartbeatArgs {
    fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let details = self.details.clone().unwrap_or_default();
            let cancel_requested = client.heartbeat_activity(&self.task_token, &details).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "cancel_requested": cancel_requested }))?,
                false if cancel_requested => print("noted; the activity was asked to end")?,
                false => print("noted")?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn accepted(remote: &RemoteArgs, said: &str) -> Result<ExitCode, super::remote::CliError> {
    match remote.json {
        true => print_json(&serde_json::json!({ "accepted": true }))?,
        false => print(said)?,
    }
    Ok(ExitCode::SUCCESS)
}
