//! Runs `tests/features` against the shop as a real process: `cargo test -p order-management --test
//! gherkin`. Arguments choose scenarios: `-- @EX-1`, or words of a scenario's name.
//!
//! Scenarios share one process, each in a namespace of its own, unless they ask for their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]

#[path = "../../../conformance/tests/gherkin/choice.rs"]
mod choice;
#[path = "../../../../http/tests/browser/driver.rs"]
mod driver;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../../../../http/tests/browser/page.rs"]
mod page;
#[path = "../../../conformance/tests/gherkin/report.rs"]
mod report;
#[path = "../../../conformance/tests/gherkin/run.rs"]
mod run;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../selling/mod.rs"]
mod selling;
mod site;
mod steps;
#[path = "../../../conformance/tests/support/mod.rs"]
mod support;
#[expect(dead_code, reason = "this test needs a part of it")]
#[path = "../../../../http/tests/browser/wire.rs"]
mod wire;
mod world;

use std::process::ExitCode;

use support::Server;
use world::World;

/// Scenarios that run at once.
const AT_ONCE: usize = 6;

#[tokio::main]
async fn main() -> ExitCode {
    let data = tempfile::tempdir().unwrap();
    let model = world::model_address();
    let args = [&selling::QUIET[..], &["--scripted-llm", &model]].concat();
    let server = Server::start(selling::BINARY, &data.path().join("data"), &args).await;
    world::share(server.url(), &model);
    let told =
        run::run::<World>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features"), AT_ONCE).await;
    server.kill().await;
    told
}
