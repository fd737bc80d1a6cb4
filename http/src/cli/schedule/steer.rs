//! `schedule pause`, `resume`, `trigger`, `backfill` and `delete`.

use std::process::ExitCode;

use super::arguments::overlap;
use crate::cli::remote::{CliError, RemoteArgs, print, print_json};
use crate::cli::values;
use crate::{Backfill, Overlap, Timestamp, Triggered};

/// Which schedule, and what to say.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct NoteArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    /// A word for whoever reads it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `schedule trigger`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct TriggerArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    /// What to do when a run is open; as the schedule says where nothing is said.
    #[arg(long, value_name = "POLICY", value_parser = overlap())]
    overlap: Option<Overlap>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `schedule backfill`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct BackfillArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    /// The first instant that counts (RFC 3339, or 2h for two hours ago).
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    from: Timestamp,
    /// The last instant that counts.
    #[arg(long, value_name = "TIME", value_parser = values::instant)]
    to: Timestamp,
    /// What to do when a run is open; as the schedule says where nothing is said.
    #[arg(long, value_name = "POLICY", value_parser = overlap())]
    overlap: Option<Overlap>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `schedule delete`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct DeleteArgs {
    /// The schedule's id.
    #[arg(value_name = "SCHEDULE_ID")]
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl NoteArgs {
    pub(super) fn pause(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.pause_schedule(&self.id, self.note.as_deref()).await?;
            done(&self.remote, &format!("paused {}", self.id))
        })
    }

    pub(super) fn resume(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.resume_schedule(&self.id, self.note.as_deref()).await?;
            done(&self.remote, &format!("resumed {}", self.id))
        })
    }
}

impl TriggerArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let outcome = client.trigger_schedule(&self.id, self.overlap).await?;
            if self.remote.json {
                print_json(&outcome)?;
                return Ok(ExitCode::SUCCESS);
            }
            let other = |run: Option<String>| run.unwrap_or_else(|| "another run".to_owned());
            print(&match outcome {
                Triggered::Started { workflow_id, run_id } => {
                    format!("started {workflow_id} (run {run_id})")
                }
                Triggered::Buffered { waits_for } => {
                    format!("starts when {} has closed", other(waits_for))
                }
                Triggered::Skipped { waits_for } => {
                    format!("skipped, because {} is still running", other(waits_for))
                }
            })?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl BackfillArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let backfill = Backfill { from: self.from, to: self.to, overlap: self.overlap };
            let firings = client.backfill_schedule(&self.id, &backfill).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "firings": firings }))?,
                false => print(&format!("makes up {firings} firings of {}", self.id))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl DeleteArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            client.delete_schedule(&self.id).await?;
            done(&self.remote, &format!("deleted {}", self.id))
        })
    }
}

fn done(remote: &RemoteArgs, text: &str) -> Result<ExitCode, CliError> {
    match remote.json {
        true => print_json(&serde_json::json!({ "accepted": true }))?,
        false => print(text)?,
    }
    Ok(ExitCode::SUCCESS)
}
