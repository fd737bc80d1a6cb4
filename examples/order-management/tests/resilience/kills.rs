//! One order after the other, each of them killed one event later than the one before.

use std::path::Path;

use serde_json::Value;

use crate::selling::books::Books;
use crate::selling::{self, BINARY, QUIET};
use crate::support::{Api, Server};

/// More events than an order has.
const MOST_EVENTS: u64 = 200;
const CENTS: u64 = 12_900;

/// Waits until the order's history has so many events; false when it has ended with fewer.
async fn reaches(api: &Api, id: &str, event_id: u64) -> bool {
    let path = format!("/api/v1/workflows/{id}/history?from={event_id}&follow_ms=30000");
    for _ in 0..4 {
        let page = api.get(&path).await.expect(200);
        if !page["events"].as_array().unwrap().is_empty() {
            return true;
        }
        if api.describe(id).await["status"] != "running" {
            return false;
        }
    }
    panic!("{id} has no event {event_id} after two minutes, and has not ended");
}

/// The end of an order, which must be one of those that are allowed.
async fn check(api: &Api, data: &Path, id: &str, ships: bool) {
    let ended = api.result(id).await;
    let order = selling::row(api, "orderDetail", id).await;
    let books = Books::read(data);
    assert!(books.charges(id) <= 1, "{id} was charged twice");
    match ended["status"].as_str() {
        Some("completed") if ships => {
            assert_eq!(order["status"], "confirmed", "{id}: {order}");
            assert_eq!(order["reservation"]["status"], "confirmed", "{id}: {order}");
            assert_eq!(books.balance_cents(id), CENTS, "{id}");
        }
        Some("failed") => {
            let why = &ended["failure"]["type"];
            let declined = *why == "card_declined";
            assert!(declined || (*why == "undeliverable" && !ships), "{id}: {ended}");
            assert_eq!(order["status"], "cancelled", "{id}: {order}");
            assert_eq!(order["reservation"]["status"], "released", "{id}: {order}");
            assert_eq!(books.balance_cents(id), 0, "{id}");
        }
        _ => panic!("{id} ended as {ended}"),
    }
    steps_ran_once(&api.history(id).await, id);
}

/// Each step has one end, and no step was begun twice.
fn steps_ran_once(history: &[Value], id: &str) {
    let ids = |kind: &str| {
        let of_kind = history.iter().filter(|event| event["type"] == kind);
        of_kind.map(|event| event["activity_id"].to_string()).collect::<Vec<_>>()
    };
    for kind in ["activity_scheduled", "activity_completed"] {
        let mut once = ids(kind);
        let all = once.len();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all, "{id}: {kind} of one activity twice");
    }
}

/// Kills the shop at each event of an order in turn; how many kills there were.
async fn kill_at_each_event(name: &str, city: &str, ships: bool) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(BINARY, &data, &QUIET).await;
    selling::open(&server.api(), &[("abacus", 1_000)]).await;
    let mut kills = 0;
    for event_id in 1..=MOST_EVENTS {
        let id = format!("{name}-{event_id}");
        selling::order(&server.api(), &id, "abacus", CENTS, city).await;
        let is_there = reaches(&server.api(), &id, event_id).await;
        if is_there {
            server.kill().await;
            server = Server::start(BINARY, &data, &QUIET).await;
            kills += 1;
        }
        check(&server.api(), &data, &id, ships).await;
        if !is_there {
            break;
        }
    }
    selling::stock_adds_up(&server.api()).await;
    let books = Books::read(&data);
    assert_eq!(books.keys.len(), books.entries, "an idempotency key was used twice");
    println!("{name}: killed {kills} times");
    kills
}

#[tokio::test]
async fn an_order_ships_once_whenever_the_shop_is_killed() {
    let kills = kill_at_each_event("ships", "Oslo", true).await;
    assert!((15..MOST_EVENTS).contains(&kills), "{kills}");
}

#[tokio::test]
async fn an_order_is_undone_whole_whenever_the_shop_is_killed() {
    let kills = kill_at_each_event("undone", "Atlantis", false).await;
    assert!((15..MOST_EVENTS).contains(&kills), "{kills}");
}
