//! What the carriers' side hears.

use std::time::{Duration, Instant};

use cucumber::then;
use serde_json::Value;

use crate::world::World;

/// More than any of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn told(world: &World, order: &str) -> Vec<Value> {
    let stream = format!("/api/v1/streams/orderStatusForShipping:{order}/events");
    // Before the first event there is no stream.
    let mut page = world.ask(hyper::Method::GET, &stream, None).await.body;
    page["events"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

#[then(expr = "shipping was told that order {string} is {string}")]
async fn was_told(world: &mut World, order: String, status: String) {
    let begun = Instant::now();
    loop {
        let told = told(world, &order).await;
        if let Some(last) = told.last().filter(|last| last["data"]["status"] == *status) {
            assert_eq!(last["type"], "OrderStatusForShippingChanged", "{last}");
            assert_eq!(last["category"], "integration", "{last}");
            assert_eq!(last["data"]["mayShip"], status == "confirmed", "{last}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{told:?}");
        tokio::task::yield_now().await;
    }
}

#[then("its projection says that everything is told")]
async fn everything_told(world: &mut World) {
    let begun = Instant::now();
    loop {
        let status = world.get("/api/v1/projections/orderStatusForShipping").await;
        let told = &status["publishes"];
        assert_eq!(told["event_type"], "OrderStatusForShippingChanged", "{status}");
        if told["lag"] == 0 && told["position"].as_u64() > Some(0) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{status}");
        tokio::task::yield_now().await;
    }
}

#[then(expr = "it was told nothing twice about order {string}")]
async fn nothing_twice(world: &mut World, order: String) {
    let told = told(world, &order).await;
    assert!(told.windows(2).all(|two| two[0]["data"] != two[1]["data"]), "{told:?}");
}

#[then(expr = "every time it was told of order {string} is delivered to {string}")]
async fn delivered(world: &mut World, order: String, target: String) {
    for event in told(world, &order).await {
        let path = format!("/api/v1/publications?event={}&target={target}", event["position"]);
        let begun = Instant::now();
        loop {
            let page = world.get(&path).await;
            if page["publications"][0]["status"] == "delivered" {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{page}");
            tokio::task::yield_now().await;
        }
    }
}
