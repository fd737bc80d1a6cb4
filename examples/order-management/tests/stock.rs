//! Many orders at once for the same few pieces, and `kill -9` in their middle: what is on the shelf
//! and what is held add up to the unit.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "this test needs a part of it")]
mod selling;
#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use selling::{BINARY, QUIET};
use support::{Api, Server};

const ORDERS: usize = 48;
const BUYERS: usize = 8;
/// After so many orders were submitted the process is killed.
const KILLS: [usize; 2] = [12, 30];
/// Fewer than are asked for, so that some get nothing.
const STOCK: [(&str, u32); 3] = [("abacus", 40), ("slide-rule", 30), ("drum-memory", 25)];

/// Sends a command until somebody answers, over kills, always under the same id.
async fn insist(server: &mut watch::Receiver<Api>, name: &str, id: &str, payload: Value) {
    let body = json!({ "command_id": id, "payload": payload });
    loop {
        let api = server.borrow_and_update().clone();
        let path = format!("/api/v1/commands/{name}");
        match api.call(Method::POST, &path, Some(&body), None).await {
            Ok(answer) => {
                answer.expect(200);
                return;
            }
            // It was killed: the next process may know the command, or not.
            Err(_) => server.changed().await.unwrap(),
        }
    }
}

async fn buy(mut server: watch::Receiver<Api>, number: usize) {
    let id = format!("o-{number}");
    let new = json!({ "orderId": id, "customerId": "ada", "city": "Oslo" });
    insist(&mut server, "CreateOrder", &format!("create-{id}"), new).await;
    for (at, (product, _)) in STOCK.iter().enumerate() {
        if (number >> at) & 1 == 1 && number % 8 != 7 {
            continue;
        }
        let quantity = 1 + (number + at) % 3;
        let item = json!({
            "orderId": id, "productId": product, "quantity": quantity, "unitPriceCents": 100,
        });
        insist(&mut server, "AddOrderItem", &format!("add-{id}-{product}"), item).await;
    }
    insist(&mut server, "SubmitOrder", &format!("submit-{id}"), json!({ "orderId": id })).await;
}

#[tokio::test]
async fn stock_adds_up_to_the_unit_over_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(BINARY, &data, &QUIET).await;
    selling::open(&server.api(), &STOCK).await;

    let (tell, told) = watch::channel(server.api());
    let (next, submitted) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(0_usize));
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let (told, next, submitted) = (told.clone(), Arc::clone(&next), submitted.clone());
        buyers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= ORDERS {
                    return;
                }
                buy(told.clone(), number).await;
                submitted.send_modify(|count| *count += 1);
            }
        });
    }
    let mut count = submitted.subscribe();
    for kill in KILLS {
        count.wait_for(|count| *count >= kill).await.unwrap();
        server.kill().await;
        server = Server::start(BINARY, &data, &QUIET).await;
        tell.send(server.api()).unwrap();
    }
    while let Some(bought) = buyers.join_next().await {
        bought.unwrap();
    }

    let api = server.api();
    let mut outcomes = [0, 0];
    for number in 0..ORDERS {
        let id = format!("o-{number}");
        let ended = api.result(&id).await;
        let order = selling::row(&api, "orderDetail", &id).await;
        let held = &order["reservation"]["status"];
        if ended["status"] == "completed" {
            outcomes[0] += 1;
            assert_eq!((&order["status"], held), (&json!("confirmed"), &json!("confirmed")));
        } else {
            outcomes[1] += 1;
            assert_eq!(order["status"], "cancelled", "{order}");
            assert!(held.is_null() || held == "released", "{order}");
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    selling::stock_adds_up(&api).await;
}
