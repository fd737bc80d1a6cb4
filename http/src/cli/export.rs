//! `export`: a run and its history as one file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::remote::{CliError, RemoteArgs, RunArgs, print};

/// The flags of `export`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Take the values out and keep their shape.
    #[arg(long)]
    redact: bool,
    /// Write it there instead of to stdout.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl ExportArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let run = client.export(&self.run.selector(), self.redact).await?;
            // For people who look at it, and for version control, which compares lines.
            let text = serde_json::to_string_pretty(&run)
                .map_err(|error| CliError::Failed(format!("run without a JSON form: {error}")))?;
            match &self.output {
                None => print(&text)?,
                Some(path) => std::fs::write(path, text + "\n").map_err(|error| {
                    CliError::Failed(format!("failed to write {}: {error}", path.display()))
                })?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
