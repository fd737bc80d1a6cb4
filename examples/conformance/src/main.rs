//! The conformance worker: `conformance --listen 127.0.0.1:7979 --data DIR [--clock manual]`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use everstep::cli::{PreflightArgs, RekeyArgs, ServeArgs, preflight, serve};

/// Runs are many small allocations that come and go; this allocator takes a third off each step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Copy the store of a stopped server under other keys.
    Rekey(RekeyArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Verb::Rekey(args)) = &args.verb {
        return args.run();
    }
    // A replay writes no witness: any directory will do for it.
    let data = match &args.verb {
        Some(_) => std::env::temp_dir().join("everstep-conformance"),
        None => args.serve.data.clone(),
    };
    match (conformance::worker(&data), args.verb) {
        (Ok(worker), Some(Verb::Preflight(args))) => preflight(&worker, &args),
        (Ok(worker), _) => serve(worker, &args.serve),
        (Err(error), _) => {
            let data = data.display();
            eprintln!("error: failed to make the witness directory in {data}: {error}");
            ExitCode::FAILURE
        }
    }
}
