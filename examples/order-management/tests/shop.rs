//! The shop as a customer's bank sees it: killed with `-9` in the middle of its business, it goes
//! on, and nobody pays twice or for nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "this test needs a part of it")]
mod selling;
#[path = "../../conformance/tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use selling::books::Books;
use support::patience::Patience;
use support::{Api, Server};

async fn start(data: &Path, order_every_ms: &str) -> Server {
    Server::start(selling::BINARY, data, &["--order-every-ms", order_every_ms]).await
}

#[tokio::test]
async fn an_order_ships_or_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = start(&data, "0").await;
    let api = server.api();
    selling::open(&api, &[("abacus", 10), ("drum-memory", 10), ("perpetuum-mobile", 0)]).await;
    let cases = [
        ("plain", ("abacus", 12_900, "Oslo"), None),
        ("sold-out", ("perpetuum-mobile", 1_900, "Oslo"), Some("INSUFFICIENT_STOCK")),
        ("far-away", ("abacus", 12_900, "Atlantis"), Some("undeliverable")),
        ("approved", ("drum-memory", 59_900, "Oslo"), None),
        ("rejected", ("drum-memory", 59_900, "Oslo"), Some("rejected")),
    ];
    for (id, (product, cents, city), _) in cases {
        selling::order(&api, id, product, cents, city).await;
    }
    api.signal("approved", "decision", json!({ "approved": "yes" })).await.expect(422);
    for (id, approved) in [("approved", true), ("rejected", false)] {
        let decision = json!({ "approved": approved, "by": "grace" });
        api.signal(id, "decision", decision).await.expect(202);
    }
    for (id, _, failure) in cases {
        let ended = api.result(id).await;
        match failure {
            None => assert_eq!(ended["status"], "completed", "{id}: {ended}"),
            Some(kind) => assert_eq!(ended["failure"]["type"], kind, "{id}: {ended}"),
        }
        let status = if failure.is_none() { "shipped" } else { "undone" };
        assert_eq!(api.query(id, "status").await, status, "{id}");
        let order = selling::row(&api, "orderDetail", id).await;
        match failure {
            None => {
                assert_eq!(order["status"], "confirmed", "{order}");
                assert_eq!(order["reservation"]["status"], "confirmed", "{order}");
            }
            Some(kind) => {
                assert_eq!(order["status"], "cancelled", "{order}");
                assert!(order["cancelledBecause"].as_str().unwrap().contains(kind), "{order}");
                // Nothing was held for what was sold out.
                let held = &order["reservation"]["status"];
                assert!(held == "released" || (held.is_null() && id == "sold-out"), "{order}");
            }
        }
    }
    selling::stock_adds_up(&api).await;
    assert_eq!(api.result("approved").await["result"]["approved_by"], "grace");

    let books = Books::read(&data);
    assert_eq!(books.balance_cents("plain"), 12_900);
    assert_eq!(books.balance_cents("approved"), 59_900);
    assert_eq!(books.charges("far-away"), 1, "it was charged, and then given back");
    for id in ["far-away", "sold-out", "rejected"] {
        assert_eq!(books.balance_cents(id), 0, "{id}");
    }
}

#[tokio::test]
async fn business_goes_on_over_kills_and_nobody_pays_twice() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = start(&data, "15").await;
    let mut orders = Vec::new();
    for business_day in 1..=3 {
        orders = until_busy(&server.api(), 40 * business_day).await;
        server.kill().await;
        server = start(&data, "15").await;
        let after = self::orders(&server.api()).await;
        let known: BTreeSet<_> = after.iter().map(id).collect();
        assert!(orders.iter().all(|order| known.contains(&id(order))), "an order was lost");
    }
    // The generator is stopped, and every order that nobody has to decide about comes to its end.
    assert!(server.stop().await.success());
    let server = start(&data, "0").await;
    let api = server.api();
    orders.splice(.., self::orders(&api).await);
    let numbers: BTreeSet<_> = orders.iter().map(id).collect();
    let mut drafts = BTreeSet::new();
    let mut all = BTreeSet::new();
    for row in selling::rows(&api, "orderSummaries").await {
        let key = row["key"].as_str().unwrap().to_owned();
        // Who changed their mind never submitted it.
        if key.starts_with("draft-") {
            continue;
        }
        if row["state"]["status"] == "draft" {
            drafts.insert(key.clone());
        }
        all.insert(key);
    }
    let without_gaps: BTreeSet<_> = (1..=all.len()).map(|n| format!("order-{n:06}")).collect();
    assert_eq!(all, without_gaps);
    // What was submitted is worked on, from the same commit on; a kill may leave a draft behind.
    assert!(drafts.len() <= 4, "{drafts:?}");
    assert_eq!(all.difference(&numbers).collect::<BTreeSet<_>>(), drafts.iter().collect());
    for order in &orders {
        let id = id(order);
        if order["status"] == "running"
            && order["search_attributes"]["amount_cents"].as_u64() > Some(50_000)
        {
            let decision = json!({ "approved": true, "by": "the auditor" });
            // The clerk may have been faster.
            let answer = api.signal(&id, "decision", decision).await;
            assert!(matches!(answer.status, 202 | 409), "{id}: {}", answer.body);
        }
        let ended = api.result(&id).await;
        let books = Books::read(&data);
        let amount = order["search_attributes"]["amount_cents"].as_u64().unwrap();
        assert!(books.charges(&id) <= 1, "{id} was charged twice");
        match ended["status"].as_str() {
            Some("completed") => assert_eq!(books.balance_cents(&id), amount, "{id}"),
            Some("failed") => assert_eq!(books.balance_cents(&id), 0, "{id}"),
            _ => panic!("{id} ended as {ended}"),
        }
        let status = if ended["status"] == "completed" { "confirmed" } else { "cancelled" };
        assert_eq!(selling::row(&api, "orderSummaries", &id).await["status"], status, "{id}");
    }
    selling::stock_adds_up(&api).await;
    let books = Books::read(&data);
    assert_eq!(books.keys.len(), books.entries, "an idempotency key was used twice");
}

/// Waits until there are so many orders, of which some have shipped, failed and await approval.
async fn until_busy(api: &Api, count: usize) -> Vec<Value> {
    let patience = Patience::begin();
    while patience.lasts() {
        let orders = orders(api).await;
        let any = |status: &str| orders.iter().any(|order| order["status"] == status);
        if orders.len() >= count && any("completed") && any("failed") && any("running") {
            return orders;
        }
        // Any open order's end is as good a moment to look again as any other.
        if let Some(open) = orders.iter().find(|order| order["status"] == "running") {
            api.get(&format!("/api/v1/workflows/{}/result?wait_ms=100", id(open))).await;
        }
    }
    panic!("the shop has no business");
}

async fn orders(api: &Api) -> Vec<Value> {
    let path = "/api/v1/workflows?id_prefix=order-&page_size=1000";
    let mut page = api.get(path).await.expect(200);
    assert_eq!(page["next_page_token"], Value::Null);
    page["workflows"].as_array_mut().map(std::mem::take).unwrap()
}

fn id(order: &Value) -> String {
    order["workflow_id"].as_str().unwrap().to_owned()
}
