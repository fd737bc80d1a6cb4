//! Servers of a scenario's own: those that are killed, or whose clock is moved by hand.

use cucumber::{given, when};
use serde_json::json;

use crate::world::World;

#[given("a server of its own")]
async fn own_server(world: &mut World) {
    world.own_server(Vec::new()).await;
}

#[given("a server of its own with a manual clock")]
async fn own_clock(world: &mut World) {
    world.own_server(vec!["--clock".to_owned(), "manual".to_owned()]).await;
}

#[given("a server of its own at one address")]
async fn one_address(world: &mut World) {
    world.own_server_at_one_address().await;
}

#[given("a server of its own with tokens")]
async fn own_tokens(world: &mut World) {
    world.own_server_with_tokens().await;
}

#[when("the server is killed and started again")]
async fn kill_and_start(world: &mut World) {
    world.kill_and_start().await;
}

#[when(expr = "{int} ms pass")]
async fn pass(world: &mut World, ms: u64) {
    world.api.post("/test/clock/advance", &json!({ "ms": ms })).await.expect(200);
}

#[when("the server is stopped and started again")]
async fn stop_and_start(world: &mut World) {
    world.stop_and_start().await;
}
