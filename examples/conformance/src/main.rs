//! The conformance worker: `conformance --listen 127.0.0.1:7979 --data DIR [--clock manual]`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use everstep::Worker;
use everstep::cli::{ClientCommand, PreflightArgs, ServeArgs, preflight, serve};

/// Workflows through which every promise of the engine can be tried from outside.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Replay a server's runs against this program's code, and say what a deploy would break.
    Preflight(PreflightArgs),
    #[command(flatten)]
    Client(ClientCommand),
}

fn main() -> ExitCode {
    let Args { serve: args, verb } = Args::parse();
    let done = match verb {
        Some(Verb::Client(command)) => return command.run(),
        // A replay writes no witness: any directory will do for it.
        Some(Verb::Preflight(args)) => worker(&std::env::temp_dir().join("everstep-conformance"))
            .map(|worker| preflight(&worker, &args)),
        None => worker(&args.data).map(|worker| serve(worker, &args)),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn worker(data: &Path) -> Result<Worker, String> {
    conformance::worker(data).map_err(|error| {
        format!("failed to make the witness directory in {}: {error}", data.display())
    })
}
