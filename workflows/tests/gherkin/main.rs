//! Runs `tests/features` of this crate: its processes on an engine over the real store.

#![expect(clippy::needless_pass_by_value, reason = "a step is handed the text that it matched")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent_books;
mod agent_patterns;
mod approvals;
mod intents;
mod sagas;
mod world;

use cucumber::{World as _, when};

const HOUR_MS: u64 = 3_600_000;

#[when(expr = "{int} hours pass")]
async fn pass(world: &mut world::World, hours: u64) {
    world.engine().advance_clock(hours * HOUR_MS).await.unwrap();
}

#[when("the process stops")]
async fn stops(world: &mut world::World) {
    world.stop().await;
}

#[when("another one opens the store")]
fn opens(world: &mut world::World) {
    world.open();
}

#[tokio::main]
async fn main() {
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/features");
    world::World::cucumber().fail_on_skipped().with_default_cli().run_and_exit(features).await;
}
