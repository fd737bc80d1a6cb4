//! What lies on the shelf, and what is held.

use cucumber::gherkin::Step;
use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::World;

#[given("on the shelf")]
async fn shelf(world: &mut World, step: &Step) {
    for row in &step.table.as_ref().unwrap().rows {
        let (product, quantity) = (row[0].as_str(), row[1].parse::<u32>().unwrap());
        let new = json!({ "productId": product, "name": product, "priceCents": 100 });
        world.command("CreateProduct", new).await.expect(200);
        if quantity > 0 {
            let more = json!({ "productId": product, "quantity": quantity });
            world.command("AddStock", more).await.expect(200);
        }
    }
}

/// `2 of "abacus", 1 of "slide-rule"`
pub(super) fn items(text: &str) -> Value {
    let item = |text: &str| {
        let (quantity, product) = text.split_once(" of ").unwrap();
        let quantity: u32 = quantity.parse().unwrap();
        json!({ "productId": product.trim_matches('"'), "quantity": quantity })
    };
    text.split(", ").map(item).collect()
}

/// An order that something is held for.
async fn place(world: &World, order: &str) {
    let new = json!({ "orderId": order, "customerId": "ada", "city": "Oslo" });
    world.command("CreateOrder", new).await.expect(200);
}

#[when(regex = r#"^reservation "([^"]+)" is to hold (.+)$"#)]
async fn reserve(world: &mut World, id: String, held: String) {
    let order = format!("order-of-{id}");
    place(world, &order).await;
    let wanted = json!({ "reservationId": id, "orderId": order, "items": items(&held) });
    world.send("ReserveStock", wanted).await;
}

#[when(regex = r#"^(\d+) reservations are to hold (.+) at once$"#)]
async fn at_once(world: &mut World, count: usize, held: String) {
    let mut racers = JoinSet::new();
    for number in 0..count {
        let id = format!("r-{number}");
        place(world, &id).await;
        let wanted = json!({ "reservationId": id, "orderId": id, "items": items(&held) });
        racers.spawn(world.command("ReserveStock", wanted));
    }
    world.lucky = 0;
    for answer in racers.join_all().await {
        match answer.status {
            200 => world.lucky += 1,
            _ => assert_eq!(answer.body["code"], "INSUFFICIENT_STOCK", "{}", answer.body),
        }
    }
}

#[then(expr = "{int} of them succeed")]
fn succeed(world: &mut World, count: usize) {
    assert_eq!(world.lucky, count);
}

#[then("the shelf has")]
async fn shelf_has(world: &mut World, step: &Step) {
    for row in &step.table.as_ref().unwrap().rows {
        let stock = world.row("productStock", &row[0]).await;
        let found = (stock["available"].to_string(), stock["reserved"].to_string());
        assert_eq!(found, (row[1].clone(), row[2].clone()), "{stock}");
    }
}

async fn events(world: &World, event_type: &str) -> Vec<Value> {
    let mut page = world.get(&format!("/api/v1/events?types={event_type}&page_size=1000")).await;
    page["events"].as_array_mut().map(std::mem::take).unwrap()
}

#[then(expr = "there is/are {int} {string} event(s)")]
async fn how_many(world: &mut World, count: usize, event_type: String) {
    assert_eq!(events(world, &event_type).await.len(), count);
}

#[then(expr = "the only {string} event is about {int} products and stands in one append")]
async fn one_event(world: &mut World, event_type: String, count: usize) {
    let events = events(world, &event_type).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["data"]["items"].as_array().unwrap().len(), count);
    let causation = events[0]["causation_id"].as_str().unwrap();
    let command = world.get(&format!("/api/v1/commands/{causation}")).await;
    assert_eq!(command["status"], "executed", "{command}");
    let own = world.get(&format!("/api/v1/commands/{causation}/events")).await;
    assert_eq!(own["events"].as_array().unwrap().len(), 1, "{own}");
}

async fn scope(world: &World) -> Value {
    let namespace = events(world, "ProductCreated").await[0]["tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .find(|tag| tag.ends_with(":warehouse:main"))
        .unwrap()
        .replace(':', "%3A");
    world.ask(Method::GET, &format!("/api/v1/scopes/{namespace}"), None).await.expect(200)
}

#[when("I remember the warehouse's scope")]
async fn remember_scope(world: &mut World) {
    let version = scope(world).await["version"].clone();
    world.remembered.insert("scope".to_owned(), version);
}

#[then(expr = "the warehouse's scope has moved by {int}")]
async fn moved(world: &mut World, by: u64) {
    let before = world.remembered["scope"].as_u64().unwrap();
    assert_eq!(scope(world).await["version"].as_u64(), Some(before + by));
}
