//! People who order, and a clerk who approves: so that there is something to look at.
//!
//! Invariant: they keep nothing in memory that matters. What the next order's number is, how many
//! are open and which wait is asked of the server each time, so they go on after a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use everstep::client::{Client, ClientError};
use everstep::{ListFilter, Payload, RunStatus, RunSummary, Selector, StartRequest};
use rand::seq::IndexedRandom;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::order::{APPROVAL_LIMIT_CENTS, DECISION, Decision, FULFIL_ORDER, Order, STATUS, Status};
use crate::warehouse::{OUT_OF_REACH, SOLD_OUT};

const ID_PREFIX: &str = "order-";
/// The first orders come fast, so that the list fills while one looks.
const RUSH_ORDERS: u32 = 24;
const RUSH_INTERVAL: Duration = Duration::from_millis(250);
/// No more orders while so many are open.
const MAX_OPEN: usize = 60;
/// So many large orders are left to whoever looks; the clerk decides about the oldest of more.
const LEFT_WAITING: usize = 8;

const CUSTOMERS: [&str; 8] =
    ["ada", "alan", "barbara", "edsger", "frances", "grace", "ken", "leslie"];
const CITIES: [&str; 7] = ["Amsterdam", "Berlin", "Kyiv", "Lisbon", "London", "Oslo", "Zürich"];
const ITEMS: [(&str, u64); 6] = [
    ("punched cards", 990),
    ("slide rule", 4_900),
    ("teletype ribbon", 1_250),
    ("abacus", 12_900),
    ("drum memory", 59_900),
    ("difference engine", 249_000),
];

/// Orders for ever: a rush at first, then one every `every`. Never where that is zero.
pub(crate) async fn order_for_ever(url: String, every: Duration) {
    let client = match Client::new(&url) {
        Ok(client) if !every.is_zero() => client,
        Ok(_) => return,
        Err(error) => return tracing::error!(%error, "no orders"),
    };
    let mut placed = 0;
    let mut ticks = interval(RUSH_INTERVAL.min(every));
    loop {
        ticks.tick().await;
        match tick(&client).await {
            Ok(()) => placed += 1,
            Err(error) => tracing::warn!(%error, "no order this time"),
        }
        if placed == RUSH_ORDERS {
            ticks = interval(every);
        }
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
}

async fn tick(client: &Client) -> Result<(), ClientError> {
    let open = orders(client, Some(RunStatus::Running), MAX_OPEN).await?;
    let mut waiting = Vec::new();
    for order in &open {
        if awaits_approval(client, order).await? {
            waiting.push(order);
        }
    }
    // Newest first, so the last one waits longest.
    if let Some(oldest) = waiting.get(LEFT_WAITING..).and_then(<[_]>::last) {
        let decision = Decision { approved: rand::random_bool(0.75), by: "the clerk".into() };
        client.send_signal(&Selector::newest(&oldest.workflow_id), DECISION, &decision).await?;
    }
    if open.len() < MAX_OPEN {
        place(client).await?;
    }
    Ok(())
}

/// Orders, newest first.
async fn orders(
    client: &Client,
    status: Option<RunStatus>,
    limit: usize,
) -> Result<Vec<RunSummary>, ClientError> {
    let id_prefix = Some(ID_PREFIX.to_owned());
    let filter = ListFilter { status, id_prefix, ..ListFilter::default() };
    Ok(client.list(&filter, Some(limit), None).await?.workflows)
}

async fn awaits_approval(client: &Client, order: &RunSummary) -> Result<bool, ClientError> {
    let amount = order.search_attributes.get("amount_cents").and_then(|cents| cents.to().ok());
    if amount.unwrap_or(0) <= APPROVAL_LIMIT_CENTS {
        return Ok(false);
    }
    let status = client.ask(&Selector::newest(&order.workflow_id), STATUS, &()).await?;
    Ok(status == Status::AwaitingApproval)
}

async fn place(client: &Client) -> Result<(), ClientError> {
    let newest = orders(client, None, 1).await?.pop();
    let number = newest
        .and_then(|order| order.workflow_id.strip_prefix(ID_PREFIX)?.parse::<u64>().ok())
        .map_or(1, |last| last + 1);
    let order = think_of_one();
    let mut request = StartRequest::new(FULFIL_ORDER.name(), json(&order));
    request.workflow_id = Some(format!("{ID_PREFIX}{number:06}"));
    request.search_attributes = BTreeMap::from([
        ("customer".to_owned(), json(&order.customer)),
        ("amount_cents".to_owned(), json(&order.amount_cents)),
    ]);
    request.memo = Some(json(&BTreeMap::from([("item", &order.item), ("city", &order.city)])));
    client.start(&request).await.map(drop)
}

fn think_of_one() -> Order {
    let mut rng = rand::rng();
    let (item, price_cents) = match rand::random_bool(0.04) {
        true => (SOLD_OUT, 1_900),
        false => *ITEMS.choose(&mut rng).unwrap_or(&ITEMS[0]),
    };
    let city = match rand::random_bool(0.05) {
        true => OUT_OF_REACH,
        false => CITIES.choose(&mut rng).copied().unwrap_or(CITIES[0]),
    };
    let quantity = rand::random_range(1..=3);
    Order {
        customer: CUSTOMERS.choose(&mut rng).copied().unwrap_or(CUSTOMERS[0]).to_owned(),
        item: item.to_owned(),
        quantity,
        amount_cents: price_cents * u64::from(quantity),
        city: city.to_owned(),
    }
}

/// Only for values that have a JSON form.
fn json<T: Serialize>(value: &T) -> Payload {
    Payload::from_value(value).unwrap_or_default()
}
