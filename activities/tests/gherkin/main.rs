//! Runs `tests/features/*.feature` of this crate: rules that are proven without a server.

#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contexts;
mod dead_letters;
mod integration;
mod migrations;
mod retriers;
mod shop;
mod unique;
mod world;

use cucumber::World as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    world::World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
