//! Orders that are cancelled, and who puts back what was held for them.

use cucumber::{then, when};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::patience::Patience;
use crate::world::World;

const RELEASES: &str = "reservationReleaseOnOrderCancel";

/// The order's events of a type.
async fn events(world: &World, order: &str, event_type: &str) -> Vec<Value> {
    let path = format!("/api/v1/events?types={event_type}&tags=order:{order}");
    let mut page = world.get(&path).await;
    page["events"].as_array_mut().map(std::mem::take).unwrap()
}

#[then(expr = "the saga of order {string} is {string}")]
async fn saga_is(world: &mut World, order: String, status: String) {
    let saga = world.get(&format!("/api/v1/sagas/{order}")).await;
    assert_eq!(saga["status"], status, "{saga}");
}

#[then(expr = "the saga of order {string} is over")]
async fn saga_over(world: &mut World, order: String) {
    world.fulfilled(&order).await;
    // The run's end and the saga's are one commit.
    let saga = world.get(&format!("/api/v1/sagas/{order}")).await;
    assert!(saga["status"] == "completed" || saga["status"] == "compensated", "{saga}");
}

#[then(expr = "the reservation of order {string} becomes {string}")]
async fn reservation_becomes(world: &mut World, order: String, status: String) {
    let (mut row, patience) = (Value::Null, Patience::begin());
    while patience.lasts() {
        row = world.row("orderDetail", &order).await;
        if row["reservation"]["status"] == status {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{row}");
}

#[then(
    expr = "it was released by the process manager, because of the cancellation of order {string}"
)]
async fn released_by(world: &mut World, order: String) {
    let cancelled = events(world, &order, "OrderCancelled").await;
    let released = events(world, &order, "ReservationReleased").await;
    assert_eq!((cancelled.len(), released.len()), (1, 1), "{released:?}");
    let (cancelled, released) = (&cancelled[0], &released[0]);
    let id = released["causation_id"].as_str().unwrap();
    let command = world.get(&format!("/api/v1/commands/{id}")).await;
    assert_eq!(command["type"], "ReleaseReservation");
    assert_eq!(command["entry"], "process_manager", "{command}");
    assert_eq!(command["causation_id"], cancelled["position"].to_string(), "{command}");
    assert_eq!(command["correlation_id"], cancelled["correlation_id"], "{command}");
    let reason = format!("Order {order} cancelled: Customer changed mind");
    assert_eq!(released["data"]["reason"], reason, "{released}");
}

#[then("the process manager has dealt with everything")]
async fn dealt_with(world: &mut World) {
    let last = world.get("/api/v1/events?direction=backwards&page_size=1").await;
    let last = last["last_position"].clone();
    let (mut found, patience) = (Value::Null, Patience::begin());
    // What a shop held that was killed comes again when its lease is over.
    while patience.lasts() {
        let path = format!("/api/v1/subscriptions/{RELEASES}");
        // It is made a moment after its namespace.
        found = world.ask(Method::GET, &path, None).await.body;
        let at = found["last_position"].as_u64() >= last.as_u64();
        if at && found["lag"] == 0 && found["in_flight"] == 0 && found["resting"] == 0 {
            assert_eq!(found["parked"], 0, "{found}");
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{found}");
}

#[then(expr = "it sent {int} commands")]
async fn sent(world: &mut World, count: usize) {
    let all = world.get("/api/v1/commands?page_size=1000").await;
    let own = all["commands"].as_array().unwrap().iter();
    let own: Vec<_> = own.filter(|one| one["entry"] == "process_manager").collect();
    assert_eq!(own.len(), count, "{own:?}");
}

#[when(expr = "order {string} is cancelled as soon as {string} has happened")]
async fn cancelled_after(world: &mut World, order: String, event_type: String) {
    let patience = Patience::begin();
    while patience.lasts() {
        if !events(world, &order, &event_type).await.is_empty() {
            let cancel = json!({ "orderId": order, "reason": "changed my mind" });
            world.command("CancelOrder", cancel).await.expect(200);
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("`{event_type}` never happened to {order}");
}

#[when(expr = "the cancellation of order {string} is delivered again")]
async fn redelivered(world: &mut World, order: String) {
    let position = events(world, &order, "OrderCancelled").await[0]["position"].clone();
    let path = format!("/api/v1/process-managers/{RELEASES}/redeliver");
    let body = json!({ "position": position });
    let answer = world.ask(Method::POST, &path, Some(body)).await.expect(200);
    assert_eq!(answer["sent"], 0, "{answer}");
}
