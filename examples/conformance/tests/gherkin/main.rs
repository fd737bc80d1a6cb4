//! Runs `tests/features/*.feature` against a real server: `cargo test -p conformance --test gherkin`.
//!
//! All scenarios share one process and its disk, eight at a time, each in a namespace of its own.
//! Arguments choose scenarios: `-- @ES-1`, `-- streams.feature`, or words of a scenario's name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod choice;
mod report;
mod run;
mod steps;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::process::ExitCode;

use support::Server;
use world::World;

/// Scenarios that run at once.
const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(world::BINARY, &data.path().join("data"), &[]).await;
    world::share(server.url());
    let told =
        run::run::<World>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features"), AT_ONCE).await;
    server.kill().await;
    told
}
