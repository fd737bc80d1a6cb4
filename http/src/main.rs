//! The `everstep` program: the client of any Everstep server, and the benchmark. It has no worker
//! and so serves nothing; a worker's own program does, with the same commands.

fn main() -> std::process::ExitCode {
    everstep::cli::client_main()
}
