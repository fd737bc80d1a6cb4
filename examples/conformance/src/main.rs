//! The conformance worker: `conformance --listen 127.0.0.1:7979 --data DIR [--clock manual]`.

use std::process::ExitCode;

use clap::Parser;
use everstep::cli::{ServeArgs, serve};

/// Runs are many small allocations that come and go; this allocator takes a tenth off each step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Workflows through which every promise of the engine can be tried from outside.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match conformance::worker(&args.serve.data) {
        Ok(worker) => serve(worker, &args.serve),
        Err(error) => {
            let data = args.serve.data.display();
            eprintln!("error: failed to make the witness directory in {data}: {error}");
            ExitCode::FAILURE
        }
    }
}
