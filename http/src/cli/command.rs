//! The command lines: of a worker's program, and of the one that has no worker.

mod client;
mod help;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use client::ClientCommand;

use super::preflight::{PreflightArgs, preflight};
use super::serve::{ServeArgs, serve};
use crate::Worker;

const ABOUT: &str = "Durable execution in one binary: workflows that survive crashes, deploys and \
                     months of waiting.";

/// A worker's command line: the server, and every client command.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, args_conflicts_with_subcommands = true)]
struct WorkerCli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    command: Option<WorkerCommand>,
}

#[derive(Debug, Subcommand)]
enum WorkerCommand {
    /// Run the server: the API, the inspector and this worker's workflows (the default).
    #[command(after_help = help::SERVE)]
    Serve(Box<ServeArgs>),
    /// Replay a server's runs against this program's code, and say what a deploy would break.
    #[command(after_help = help::PREFLIGHT)]
    Preflight(PreflightArgs),
    #[command(flatten)]
    Client(ClientCommand),
}

/// The command line of the binary that has no worker.
#[derive(Debug, Parser)]
#[command(version, about = ABOUT, arg_required_else_help = true)]
struct ClientCli {
    #[command(subcommand)]
    command: ClientCommand,
}

/// The whole command line of a worker's binary: `serve` with this worker, which is also what
/// happens without a command, and the commands of a client.
#[must_use]
pub fn main(worker: Worker) -> ExitCode {
    match parse::<WorkerCli>(std::env::args_os()) {
        Err(code) => code,
        Ok(WorkerCli { serve: args, command: None }) => serve(worker, &args),
        Ok(WorkerCli { command: Some(WorkerCommand::Serve(args)), .. }) => serve(worker, &args),
        Ok(WorkerCli { command: Some(WorkerCommand::Preflight(args)), .. }) => {
            preflight(&worker, &args)
        }
        Ok(WorkerCli { command: Some(WorkerCommand::Client(command)), .. }) => command.run(),
    }
}

/// The command line of a binary without a worker: the commands of a client, and the benchmark.
#[must_use]
pub fn client_main() -> ExitCode {
    match parse::<ClientCli>(std::env::args_os()) {
        Err(code) => code,
        Ok(cli) => cli.command.run(),
    }
}

/// Reads the command line; help and mistakes are printed, the latter with exit code 2.
fn parse<C: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<C, ExitCode> {
    let parsed = C::command()
        .try_get_matches_from(arguments)
        .and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| {
        // Nothing is left to say where the terminal is gone.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

#[cfg(test)]
mod tests;
