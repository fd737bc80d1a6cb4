//! Runs `tests/features/*.feature` against a real server: `cargo test -p conformance --test gherkin`.
//!
//! All scenarios share one process and its disk, eight at a time, each in a namespace of its own.
//! Arguments choose scenarios: `-- @ES-1`, `-- streams.feature`, or words of a scenario's name.
//! Invariant: a step that nothing implements, or that two steps implement, fails the run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod choice;
mod report;
mod steps;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::process::ExitCode;

use cucumber::World as _;
use cucumber::writer::{Basic, Coloring, Stats as _, Summarize};

use choice::Choice;
use report::Report;
use support::Server;
use world::World;

/// Scenarios that run at once.
const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(world::BINARY, &data.path().join("data"), &[]).await;
    world::share(server.url());
    let choice = Choice::of(std::env::args().skip(1));
    let report = Report::default();
    let written = Summarize::new(Basic::new(report.clone(), Coloring::Never, 0));
    let ran = World::cucumber()
        .with_writer(written)
        .fail_on_skipped()
        .max_concurrent_scenarios(AT_ONCE)
        .with_default_cli()
        .filter_run(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features"), move |f, r, s| {
            choice.takes(f, r, s)
        })
        .await;
    server.kill().await;
    report.tell(ran.execution_has_failed())
}
