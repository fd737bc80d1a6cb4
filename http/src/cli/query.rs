//! `query`: reads what a workflow published.

use std::process::ExitCode;

use super::remote::{RemoteArgs, RunArgs, print, print_json};
use super::values;
use crate::Payload;

/// The flags of `query`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The query's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Its argument: JSON, @FILE, or - for standard input [default: null].
    #[arg(value_name = "ARGUMENT", value_parser = values::json, allow_negative_numbers = true)]
    argument: Option<Payload>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl QueryArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let argument = self.argument.clone().unwrap_or_default();
            let result = client.query(&self.run.selector(), &self.name, &argument).await?;
            match self.remote.json {
                true => print_json(&serde_json::json!({ "result": result }))?,
                false => print(result.as_str())?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}
