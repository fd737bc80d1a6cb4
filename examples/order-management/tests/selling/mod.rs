//! The shop as whoever sells and buys there meets it: commands over HTTP, rows of its views.

pub(crate) mod books;

use serde_json::{Value, json};

use crate::support::Api;
use crate::support::api::Answer;

/// The server's binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_order-management");
/// No orders but the test's own.
pub(crate) const QUIET: [&str; 2] = ["--order-every-ms", "0"];

/// Sends a command.
pub(crate) async fn send(api: &Api, name: &str, payload: Value) -> Answer {
    api.post(&format!("/api/v1/commands/{name}"), &json!({ "payload": payload })).await
}

/// A customer, and so many of each product on the shelf.
pub(crate) async fn open(api: &Api, products: &[(&str, u32)]) {
    let ada = json!({ "customerId": "ada", "name": "Ada King", "email": "ada@example.com" });
    send(api, "RegisterCustomer", ada).await.expect(200);
    for (product, quantity) in products {
        let new = json!({ "productId": product, "name": product, "priceCents": 100 });
        send(api, "CreateProduct", new).await.expect(200);
        if *quantity > 0 {
            let more = json!({ "productId": product, "quantity": quantity });
            send(api, "AddStock", more).await.expect(200);
        }
    }
}

/// Begins, fills and submits an order of one product; its workflow has the order's id.
pub(crate) async fn order(api: &Api, id: &str, product: &str, amount_cents: u64, city: &str) {
    let new = json!({ "orderId": id, "customerId": "ada", "city": city });
    send(api, "CreateOrder", new).await.expect(200);
    let item = json!({
        "orderId": id, "productId": product, "quantity": 1, "unitPriceCents": amount_cents,
    });
    send(api, "AddOrderItem", item).await.expect(200);
    send(api, "SubmitOrder", json!({ "orderId": id })).await.expect(200);
}

/// A row of a view, after every event that is durable now.
pub(crate) async fn row(api: &Api, view: &str, key: &str) -> Value {
    let path = format!("/api/v1/projections/{view}/rows/{key}");
    api.get(&path).await.expect(200)["state"].take()
}

/// Every row of a view.
pub(crate) async fn rows(api: &Api, view: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = String::new();
    loop {
        let path = format!("/api/v1/projections/{view}/rows?page_size=500{next}");
        let mut page = api.get(&path).await.expect(200);
        rows.append(page["rows"].as_array_mut().unwrap());
        match page["next_page_token"].as_str() {
            Some(token) => next = format!("&page_token={token}"),
            None => return rows,
        }
    }
}

/// What every product should say: all that ever came in is there, and held is what live
/// reservations hold.
pub(crate) async fn stock_adds_up(api: &Api) {
    let mut came_in = std::collections::BTreeMap::<String, u64>::new();
    let mut held = came_in.clone();
    let mut after = 0;
    loop {
        let types = "StockAdded,ReservationCreated,ReservationReleased";
        let path = format!("/api/v1/events?types={types}&after={after}&page_size=1000");
        let page = api.get(&path).await.expect(200);
        let events = page["events"].as_array().unwrap();
        let Some(last) = events.last() else { break };
        after = last["position"].as_u64().unwrap();
        for event in events {
            let data = &event["data"];
            if event["type"] == "StockAdded" {
                let product = data["productId"].as_str().unwrap().to_owned();
                *came_in.entry(product).or_default() += data["quantity"].as_u64().unwrap();
                continue;
            }
            for item in data["items"].as_array().unwrap() {
                let product = item["productId"].as_str().unwrap().to_owned();
                let (quantity, held) =
                    (item["quantity"].as_u64().unwrap(), held.entry(product).or_default());
                match event["type"] == "ReservationCreated" {
                    true => *held += quantity,
                    false => *held = held.checked_sub(quantity).expect("released once"),
                }
            }
        }
    }
    for row in rows(api, "productStock").await {
        let product = row["key"].as_str().unwrap();
        let number = |field: &str| row["state"][field].as_u64().unwrap();
        let (available, reserved) = (number("available"), number("reserved"));
        assert_eq!(
            available + reserved,
            came_in.get(product).copied().unwrap_or(0),
            "{product}: {row}"
        );
        assert_eq!(reserved, held.get(product).copied().unwrap_or(0), "{product}: {row}");
    }
}
