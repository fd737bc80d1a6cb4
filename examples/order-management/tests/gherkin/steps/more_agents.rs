//! Agents by rules alone: what they suggest about stock and orders.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::agents::until;
use crate::world::World;

const AGENTS: [&str; 3] = ["low-stock", "high-value", "consolidation"];

#[given("a shop of its own whose agents listen")]
async fn listening(world: &mut World) {
    world.own_shop().await;
    listens(world).await;
}

#[given("a shop of its own whose agents listen, and whose clock stands still")]
async fn listening_still(world: &mut World) {
    world.own_shop_with(&["--clock", "manual"]).await;
    listens(world).await;
}

/// An agent that begins behind the newest event has begun where its subscription is there.
async fn listens(world: &World) {
    for agent in AGENTS {
        let shown = world.get(&format!("/api/v1/agents/{agent}")).await;
        let path = format!("/api/v1/subscriptions/{}", shown["subscriptionId"].as_str().unwrap());
        until(world, async || {
            (world.ask(Method::GET, &path, None).await.status == 200).then_some(())
        })
        .await;
    }
}

/// Waits until the agents' subscriptions have nothing left to hand out.
async fn settled(world: &World) {
    for agent in AGENTS {
        let shown = world.get(&format!("/api/v1/agents/{agent}")).await;
        let path = format!("/api/v1/subscriptions/{}", shown["subscriptionId"].as_str().unwrap());
        until(world, async || {
            let subscription = world.get(&path).await;
            (subscription["lag"] == 0 && subscription["in_flight"] == 0).then_some(())
        })
        .await;
    }
}

async fn commands(world: &World, query: &str) -> Vec<Value> {
    let page = world.get(&format!("/api/v1/agents/commands{query}")).await;
    page["commands"].as_array().unwrap().clone()
}

#[then(expr = "no agent has sent anything about {string}")]
async fn nothing_sent(world: &mut World, subject: String) {
    settled(world).await;
    let sent = commands(world, "").await;
    assert!(!sent.iter().any(|one| one["payload"].to_string().contains(&subject)), "{sent:?}");
}

#[then(regex = r#"^agent "([^"]+)" has sent "([^"]+)" with (\{.+\})$"#)]
async fn has_sent(world: &mut World, agent: String, name: String, payload: String) {
    let payload: Value = serde_json::from_str(&payload).unwrap();
    let query = format!("?agent={agent}&status=completed");
    let shop = &*world;
    let sent = until(shop, async || commands(shop, &query).await.into_iter().next()).await;
    assert_eq!(sent["type"], name, "{sent}");
    for (field, value) in payload.as_object().unwrap() {
        assert_eq!(sent["payload"][field], *value, "{sent}");
    }
    assert!(!sent["metadata"]["reason"].as_str().unwrap().is_empty(), "{sent}");
}

#[then(regex = r#"^"([^"]+)" is told of (\w+) "([^"]+)" once$"#)]
async fn told(world: &mut World, event: String, tag: String, value: String) {
    settled(world).await;
    let page = world.get(&format!("/api/v1/events?types={event}&tags={tag}:{value}")).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
}

#[then("nobody was asked whether it may")]
async fn no_approval(world: &mut World) {
    let page = world.get("/api/v1/agents/approvals").await;
    assert_eq!(page["approvals"], json!([]), "{page}");
}

async fn workflows(world: &World, agent: &str) -> Vec<Value> {
    let path = format!("/api/v1/workflows?id_prefix=agent:{agent}:&page_size=100");
    world.get(&path).await["workflows"].as_array().unwrap().clone()
}

#[then(regex = r#"^agent "([^"]+)" began (\d+) workflows?$"#)]
async fn began(world: &mut World, agent: String, count: usize) {
    let found = workflows(world, &agent).await;
    assert_eq!(found.len(), count, "{found:?}");
}

#[then(expr = "no workflow of an agent knows {string}")]
async fn knows_not(world: &mut World, text: String) {
    let mut seen = 0;
    for agent in AGENTS {
        for run in workflows(world, agent).await {
            let id = run["workflow_id"].as_str().unwrap();
            let history = world.get(&format!("/api/v1/workflows/{id}/history")).await.to_string();
            assert!(!history.contains(&text), "{history}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no agent began a workflow");
}

#[when(regex = r#"^"([^"]+)" submits order "([^"]+)" over "([^"]+)"$"#)]
async fn submits(world: &mut World, customer: String, order: String, product: String) {
    let new = json!({ "orderId": order, "customerId": customer, "city": "Oslo" });
    world.command("CreateOrder", new).await.expect(200);
    let item =
        json!({ "orderId": order, "productId": product, "quantity": 1, "unitPriceCents": 100 });
    world.command("AddOrderItem", item).await.expect(200);
    world.command("SubmitOrder", json!({ "orderId": order })).await.expect(200);
}

#[when(regex = r#"^"[^"]+" cancels order "([^"]+)"$"#)]
async fn cancels(world: &mut World, order: String) {
    let wish = json!({ "orderId": order, "reason": "changed my mind" });
    world.command("CancelOrder", wish).await.expect(200);
}
