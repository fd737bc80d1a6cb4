//! The shop itself, and what it answers.

use cucumber::{given, then, when};
use serde_json::Value;

use crate::world::World;

#[given("a shop of its own")]
async fn own_shop(world: &mut World) {
    world.own_shop().await;
}

#[when("the shop is killed and started again")]
async fn killed(world: &mut World) {
    world.kill_and_start().await;
}

#[when(regex = r#"^"(\w+)" is sent with (\{.*\})$"#)]
async fn sent(world: &mut World, name: String, payload: String) {
    let payload: Value = serde_json::from_str(&payload).unwrap();
    world.send(&name, payload).await;
}

#[then("it is executed")]
fn executed(world: &mut World) {
    assert_eq!(world.answer.status, 200, "{:?}", world.answer);
}

#[then(expr = "it is refused with {string}")]
fn refused(world: &mut World, code: String) {
    assert_eq!(world.answer.status, 409, "{:?}", world.answer);
    assert_eq!(world.answer.body["code"], code, "{:?}", world.answer);
}

#[then(expr = "it is rejected with {string}")]
fn rejected(world: &mut World, code: String) {
    assert_eq!(world.answer.status, 422, "{:?}", world.answer);
    assert_eq!(world.answer.body["code"], code, "{:?}", world.answer);
}

#[then(expr = "it is rejected with {string} about {string} {string}")]
fn rejected_about(world: &mut World, code: String, name: String, about: String) {
    rejected(world, code);
    assert_eq!(world.answer.body["context"][name], about, "{:?}", world.answer);
}
