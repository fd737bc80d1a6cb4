//! Orders: begun, filled, submitted, and what becomes of them.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::stock::items;
use crate::world::World;

#[given(regex = r#"^a draft order "([^"]+)" of "([^"]+)" over (.+)$"#)]
async fn draft(world: &mut World, id: String, customer: String, over: String) {
    begin(world, &id, &customer, &over, 100).await;
}

/// Above the limit from which on somebody has to approve.
#[given(regex = r#"^a large draft order "([^"]+)" of "([^"]+)" over (.+)$"#)]
async fn large_draft(world: &mut World, id: String, customer: String, over: String) {
    begin(world, &id, &customer, &over, 60_000).await;
}

async fn begin(world: &World, id: &str, customer: &str, over: &str, unit_price_cents: u64) {
    let new = json!({ "orderId": id, "customerId": customer, "city": "Oslo" });
    world.command("CreateOrder", new).await.expect(200);
    for item in items(over).as_array().unwrap() {
        let mut item = item.clone();
        (item["orderId"], item["unitPriceCents"]) = (json!(id), json!(unit_price_cents));
        world.command("AddOrderItem", item).await.expect(200);
    }
}

#[when(expr = "order {string} is submitted")]
async fn submitted(world: &mut World, id: String) {
    world.send("SubmitOrder", json!({ "orderId": id })).await;
}

#[when(expr = "order {string} is fulfilled")]
async fn fulfilled(world: &mut World, id: String) {
    let ended = world.fulfilled(&id).await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

#[when(expr = "order {string} is undone because of {string}")]
async fn undone(world: &mut World, id: String, code: String) {
    let ended = world.fulfilled(&id).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    assert_eq!(ended["failure"]["type"], code, "{ended}");
}

#[when(expr = "order {string} is approved by {string}")]
async fn approved(world: &mut World, id: String, by: String) {
    let path = format!("/api/v1/workflows/{id}/signals/decision");
    let decision = json!({ "approved": true, "by": by });
    world.ask(Method::POST, &path, Some(decision)).await.expect(202);
}

#[then(expr = "the reservation of order {string} is {string}")]
async fn its_reservation(world: &mut World, id: String, status: String) {
    let row = world.row("orderDetail", &id).await;
    assert_eq!(row["reservation"]["status"], status, "{row}");
}

#[then(expr = "order {string} is {string} in both views")]
async fn in_both_views(world: &mut World, id: String, status: String) {
    for view in ["orderSummaries", "orderDetail"] {
        let row = world.row(view, &id).await;
        assert_eq!(row["status"], status, "{view}: {row}");
    }
}

#[then(expr = "order {string} was cancelled because of {string} and {string}")]
async fn because(world: &mut World, id: String, code: String, product: String) {
    let why = world.row("orderDetail", &id).await["cancelledBecause"].clone();
    let why = why.as_str().unwrap();
    assert!(why.contains(&code) && why.contains(&product), "{why}");
}

/// What happened to an order, from the events of two contexts.
#[then(expr = "the steps of order {string} are {string}")]
async fn its_steps(world: &mut World, id: String, steps: String) {
    let row = world.row("orderDetail", &id).await;
    let found: Vec<&str> =
        row["steps"].as_array().unwrap().iter().filter_map(|step| step["what"].as_str()).collect();
    assert_eq!(found.join(", "), steps);
}

/// The commands that a workflow sent, each recorded as any other.
#[then(expr = "the workflow of order {string} sent {string}")]
async fn sent_by_workflow(world: &mut World, id: String, commands: String) {
    let correlated = world.get(&format!("/api/v1/correlations/{id}")).await;
    let mut sent: Vec<(i64, &str)> = Vec::new();
    for command in correlated["commands"].as_array().unwrap() {
        assert_eq!(command["entry"], "workflow", "{command}");
        assert_eq!(command["status"], "executed", "{command}");
        let first = command["first_position"].as_i64().unwrap();
        sent.push((first, command["type"].as_str().unwrap()));
    }
    sent.sort_unstable();
    let sent: Vec<&str> = sent.into_iter().map(|(_, name)| name).collect();
    assert_eq!(sent.join(", "), commands);
}

pub(super) async fn submission(world: &World, id: &str) -> Value {
    let path = format!("/api/v1/events?types=OrderSubmitted&tags=order:{id}");
    world.get(&path).await["events"][0].take()
}

#[when(expr = "I remember what was submitted as {string}")]
async fn remember(world: &mut World, id: String) {
    let event = submission(world, &id).await;
    assert!(event["hash"].is_string(), "{event}");
    world.remembered.insert(id, event);
}

#[then(expr = "what was submitted as {string} is unchanged")]
async fn unchanged(world: &mut World, id: String) {
    assert_eq!(submission(world, &id).await, world.remembered[&id]);
}
