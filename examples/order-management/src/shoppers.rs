//! People who order, a clerk who approves, and one who fills the shelves: so that there is something
//! to look at. They send the same commands over HTTP as anybody else.
//!
//! Invariant: they keep nothing in memory that matters. What the next order's number is, how many
//! are open, which wait and what is short is asked of the server each time, so they go on after a
//! crash.

use std::time::Duration;

use everstep::client::{Client, ClientError, CommandInput, EventFilter};
use everstep::commands::Command;
use everstep::{ListFilter, Payload, RunStatus, RunSummary, Selector};
use order_domain::inventory::{Portion, Stock};
use order_domain::order::OrderItem;
use rand::seq::IndexedRandom;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::carrier::OUT_OF_REACH;
use crate::catalogue::{CITIES, CUSTOMERS, PRODUCTS, SOLD_OUT};
use crate::contexts::customers::{REGISTER_CUSTOMER, RegisterCustomer};
use crate::contexts::inventory::{ADD_STOCK, CREATE_PRODUCT, CreateProduct};
use crate::contexts::orders::{
    ADD_ORDER_ITEM, AddOrderItem, CANCEL_ORDER, CREATE_ORDER, CancelOrder, CreateOrder, OfOrder,
    SUBMIT_ORDER,
};
use crate::order::{APPROVAL_LIMIT_CENTS, DECISION, Decision, STATUS, Status};

const ID_PREFIX: &str = "order-";
/// The first orders come fast, so that the list fills while one looks.
const RUSH_ORDERS: u32 = 24;
const RUSH_INTERVAL: Duration = Duration::from_millis(250);
/// No more orders while so many are open.
const MAX_OPEN: usize = 60;
/// So many large orders are left to whoever looks; the clerk decides about the oldest of more.
const LEFT_WAITING: usize = 8;
/// Less than a quarter of what lay there at first, and the shelf is filled again.
const LOW: u64 = 4;
/// The first so many products cost little.
const AFFORDABLE: usize = 4;
/// Orders of other people may lie between the last ones.
const LOOK_BACK: usize = 50;

/// How often, each time around, somebody begins an order and cancels it.
const FICKLE: f64 = 0.1;

/// Orders for ever: a rush at first, then one every `every`. Never where that is zero.
pub(crate) async fn order_for_ever(url: String, every: Duration) {
    let client = match Client::new(&url) {
        Ok(client) if !every.is_zero() => client,
        Ok(_) => return,
        Err(error) => return tracing::error!(%error, "no orders"),
    };
    while let Err(error) = open_the_shop(&client).await {
        tracing::warn!(%error, "the shop does not open yet");
        tokio::time::sleep(RUSH_INTERVAL).await;
    }
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

/// Sends a command: under the same id it is executed once, and it belongs to an order, maybe.
async fn send<I: Serialize, O>(
    client: &Client,
    command: Command<I, O>,
    payload: &I,
    (id, belongs_to): (Option<String>, Option<&str>),
) -> Result<(), ClientError> {
    let mut input = CommandInput::new(Payload::from_value(payload).unwrap_or_default());
    (input.command_id, input.correlation_id) = (id, belongs_to.map(str::to_owned));
    client.send_command(command.name(), &input).await.map(drop)
}

/// Registers customers and products, once in the shop's life.
async fn open_the_shop(client: &Client) -> Result<(), ClientError> {
    for (id, name) in CUSTOMERS {
        let email = format!("{id}@example.com");
        let new = RegisterCustomer { customer_id: id.to_owned(), name: name.to_owned(), email };
        once(send(client, REGISTER_CUSTOMER, &new, (Some(format!("register-{id}")), None)).await)?;
    }
    for (id, name, price_cents, quantity) in PRODUCTS {
        let product_id = id.to_owned();
        let new = CreateProduct { product_id, name: name.to_owned(), price_cents };
        once(send(client, CREATE_PRODUCT, &new, (Some(format!("create-{id}")), None)).await)?;
        if quantity > 0 {
            let first = Portion { product_id: id.to_owned(), quantity };
            send(client, ADD_STOCK, &first, (Some(format!("first-{id}")), None)).await?;
        }
    }
    Ok(())
}

/// What there is already needs not be made.
fn once(sent: Result<(), ClientError>) -> Result<(), ClientError> {
    match sent {
        Err(error) if error.code().ends_with("_ALREADY_EXISTS") => Ok(()),
        other => other,
    }
}

async fn tick(client: &Client) -> Result<(), ClientError> {
    let id_prefix = Some(ID_PREFIX.to_owned());
    let filter =
        ListFilter { status: Some(RunStatus::Running), id_prefix, ..ListFilter::default() };
    // Newest first.
    let open = client.list(&filter, Some(MAX_OPEN), None).await?.workflows;
    let mut waiting = Vec::new();
    for order in &open {
        if awaits_approval(client, order).await? {
            waiting.push(order);
        }
    }
    // The last one waits longest.
    if let Some(oldest) = waiting.get(LEFT_WAITING..).and_then(<[_]>::last) {
        let decision = Decision { approved: rand::random_bool(0.75), by: "the clerk".into() };
        client.send_signal(&Selector::newest(&oldest.workflow_id), DECISION, &decision).await?;
    }
    fill_the_shelves(client).await?;
    if rand::random_bool(FICKLE) {
        change_ones_mind(client).await?;
    }
    if open.len() < MAX_OPEN {
        place(client).await?;
    }
    Ok(())
}

async fn awaits_approval(client: &Client, order: &RunSummary) -> Result<bool, ClientError> {
    let amount = order.search_attributes.get("amount_cents").and_then(|cents| cents.to().ok());
    if amount.unwrap_or(0) <= APPROVAL_LIMIT_CENTS {
        return Ok(false);
    }
    let status = client.ask(&Selector::newest(&order.workflow_id), STATUS, &()).await?;
    Ok(status == Status::AwaitingApproval)
}

/// Two customers begin orders and cancel them, until somebody talks to them.
async fn change_ones_mind(client: &Client) -> Result<(), ClientError> {
    let customer_id = if rand::random_bool(0.5) { "edsger" } else { "leslie" }.to_owned();
    let order_id = format!("draft-{:016x}", rand::random::<u64>());
    let city = CITIES[0].to_owned();
    let create = CreateOrder { order_id: order_id.clone(), customer_id, city };
    let of_order = order_id.clone();
    send(client, CREATE_ORDER, &create, (None, Some(&of_order))).await?;
    let cancel = CancelOrder { order_id, reason: "found it cheaper".to_owned() };
    send(client, CANCEL_ORDER, &cancel, (None, Some(&of_order))).await
}

async fn fill_the_shelves(client: &Client) -> Result<(), ClientError> {
    for (id, _, _, quantity) in PRODUCTS {
        if quantity == 0 {
            continue;
        }
        let row = client.projection_row("productStock", id).await?;
        let stock: Option<Stock> = serde_json::from_value(row.state).ok();
        if stock.is_some_and(|stock| stock.available * LOW < u64::from(quantity)) {
            let more = Portion { product_id: id.to_owned(), quantity };
            send(client, ADD_STOCK, &more, (None, None)).await?;
        }
    }
    Ok(())
}

/// A draft is begun, filled and submitted, as a customer would.
async fn place(client: &Client) -> Result<(), ClientError> {
    let order_id = format!("{ID_PREFIX}{:06}", last_number(client).await? + 1);
    let (customer_id, city, items) = think_of_one();
    let create =
        CreateOrder { order_id: order_id.clone(), customer_id: customer_id.to_owned(), city };
    // As its workflow will.
    let of_order = Some(order_id.as_str());
    send(client, CREATE_ORDER, &create, (None, of_order)).await?;
    for item in items {
        let added = AddOrderItem { order_id: order_id.clone(), item };
        send(client, ADD_ORDER_ITEM, &added, (None, of_order)).await?;
    }
    let submit = OfOrder { order_id: order_id.clone() };
    send(client, SUBMIT_ORDER, &submit, (None, of_order)).await
}

/// The number of the last order that was begun here.
async fn last_number(client: &Client) -> Result<u64, ClientError> {
    let created = EventFilter {
        types: vec!["OrderCreated".to_owned()],
        backwards: true,
        page_size: Some(LOOK_BACK),
        ..EventFilter::default()
    };
    let events = client.log_events(&created, Duration::ZERO).await?.events;
    let number = |id: &String| id.strip_prefix(ID_PREFIX)?.parse::<u64>().ok();
    let numbers = events.iter().filter_map(|event| event.stream_id.as_ref().and_then(number));
    Ok(numbers.max().unwrap_or(0))
}

fn think_of_one() -> (&'static str, String, Vec<OrderItem>) {
    let mut rng = rand::rng();
    let (customer, _) = CUSTOMERS.choose(&mut rng).copied().unwrap_or(CUSTOMERS[0]);
    let city = match rand::random_bool(0.05) {
        true => OUT_OF_REACH,
        false => CITIES.choose(&mut rng).copied().unwrap_or(CITIES[0]),
    };
    // Most people buy what nobody has to approve.
    let dearest = if rand::random_bool(0.25) { PRODUCTS.len() - 1 } else { AFFORDABLE };
    let on_the_shelf = &PRODUCTS[..dearest];
    let lines = *[1, 1, 1, 2, 2, 3].choose(&mut rng).unwrap_or(&1);
    let mut chosen: Vec<_> = on_the_shelf.sample(&mut rng, lines).collect();
    if rand::random_bool(0.04) {
        chosen.extend(PRODUCTS.iter().find(|(id, ..)| *id == SOLD_OUT));
    }
    let item = |&&(id, _, unit_price_cents, _): &&(&str, &str, u64, u32)| OrderItem {
        product_id: id.to_owned(),
        quantity: rand::random_range(1..=3),
        unit_price_cents,
    };
    (customer, city.to_owned(), chosen.iter().map(item).collect())
}
