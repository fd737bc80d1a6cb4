//! `payload`: one value of a history, whole.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print};

/// The flags of `payload`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PayloadArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The event that carries it.
    #[arg(value_name = "EVENT", value_parser = clap::value_parser!(u64).range(1..))]
    event: u64,
    /// Which of the event's payloads.
    #[arg(value_name = "INDEX", default_value_t = 0)]
    index: u16,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl PayloadArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let found = client.payload(&self.run.selector(), self.event, self.index).await?;
            // It is JSON already.
            print(found.as_str())?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
