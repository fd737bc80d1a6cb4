//! The `everstep` program: the client of any Everstep server, and the benchmark. It has no worker
//! and so serves nothing; a worker's own program does, with the same commands.

/// Runs are many small allocations that come and go; this allocator takes a third off each step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    everstep::cli::client_main()
}
