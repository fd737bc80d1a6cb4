//! The two contexts of the features.

use everstep_activities::contexts::{
    Caller, Context, ContextCommand, Contract, Relationship, RelationshipKind, call_from,
};
use everstep_activities::language::SchemaVersion;
use everstep_activities::{WorkerContexts, reservations::with_reservations};
use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{ActivityError, BoundedContext, ContextTable, ContextTx, Worker};
use serde::{Deserialize, Serialize};

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);

pub(crate) const STOCK_UP: ContextCommand<Pieces, ()> = ContextCommand::new("inventory", "StockUp");
pub(crate) const RESERVE: ContextCommand<Pieces, u32> =
    ContextCommand::new("inventory", "ReserveStock");
pub(crate) const LEFT: ContextCommand<String, u32> = ContextCommand::new("inventory", "CountStock");
pub(crate) const ASK_BACK: ContextCommand<(), ()> = ContextCommand::new("inventory", "AskBack");
pub(crate) const PLACE: ContextCommand<Pieces, u32> = ContextCommand::new("orders", "PlaceOrder");
pub(crate) const TRIED: ContextCommand<(), Option<String>> =
    ContextCommand::new("orders", "WhatWasTried");
pub(crate) const TRY: ContextCommand<String, ()> = ContextCommand::new("orders", "Try");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pieces {
    pub(crate) product: String,
    pub(crate) count: u32,
}

pub(crate) struct Inventory(());
impl BoundedContext for Inventory {
    const NAME: &'static str = "inventory";
}

pub(crate) struct Orders(());
impl BoundedContext for Orders {
    const NAME: &'static str = "orders";
}

const STOCK: ContextTable<Inventory, u32> = ContextTable::new("stock");
const PLACED: ContextTable<Orders, String> = ContextTable::new("placed");
const HIDDEN: ContextTable<Orders, String> = ContextTable::new("hidden");

fn event(stream_type: &str, id: &str, event_type: &str, data: &serde_json::Value) -> Append {
    let event = NewEvent::new(event_type, data.to_string());
    Append::to(StreamId::new(stream_type, id), Expected::Any, vec![event])
}

fn stock_up(
    tx: &mut ContextTx<'_, '_, Inventory>,
    _: &Caller,
    more: Pieces,
) -> Result<(), ActivityError> {
    let before = tx.get(STOCK, &more.product)?.unwrap_or(0);
    tx.put(STOCK, &more.product, &(before + more.count))
}

fn reserve(
    tx: &mut ContextTx<'_, '_, Inventory>,
    caller: &Caller,
    wanted: Pieces,
) -> Result<u32, ActivityError> {
    let before = tx.get(STOCK, &wanted.product)?.unwrap_or(0);
    // Written first, so that a refusal has something to undo.
    tx.put(STOCK, &wanted.product, &before.saturating_sub(wanted.count))?;
    let data = serde_json::json!({ "by": caller.user_id, "tenant": caller.tenant_id });
    tx.append(event("inventory.Product", &wanted.product, "StockReserved", &data))?;
    let short = || ActivityError::new("INSUFFICIENT_STOCK", format!("{before} are left"));
    before.checked_sub(wanted.count).ok_or_else(short)
}

fn attempt(
    tx: &mut ContextTx<'_, '_, Orders>,
    _: &Caller,
    what: String,
) -> Result<(), ActivityError> {
    tx.put(PLACED, "tried", &what)?;
    match what.as_str() {
        "emits an undeclared event" => {
            // That the handler passes over it does not help it.
            drop(tx.append(event("orders.Order", "1", "OrderLost", &serde_json::json!({}))));
            Ok(())
        }
        "writes an undeclared table" => {
            drop(tx.put(HIDDEN, "a", &what));
            Ok(())
        }
        "returns an undeclared error" => Err(ActivityError::new("OUT_OF_PAPER", "no paper")),
        "appends to a stream of \"inventory\"" => {
            tx.append(event("inventory.Product", "1", "OrderPlaced", &serde_json::json!({})))?;
            Ok(())
        }
        table => tx.get_by_name(table, "lamp").map(drop),
    }
}

/// The worker of the features, with one more relationship where one is wanted.
pub(crate) fn worker(more: Option<Relationship>) -> Worker {
    let inventory = Contract::new("inventory", V1)
        .description("what is in the warehouse")
        .commands(["StockUp", "ReserveStock", "CountStock", "AskBack"])
        .events(["StockReserved"])
        .table("stock", V1)
        .errors(["INSUFFICIENT_STOCK"]);
    let orders = Contract::new("orders", V1)
        .commands(["PlaceOrder", "Try", "WhatWasTried"])
        .events(["OrderPlaced"])
        .table("placed", V1)
        .errors(["INSUFFICIENT_STOCK"])
        .consumes("inventory", "StockReserved", V1);
    let inventory = Context::new(Inventory(()), inventory)
        .command(STOCK_UP, stock_up)
        .command(RESERVE, reserve)
        .command(LEFT, |tx, _, product: String| Ok(tx.get(STOCK, &product)?.unwrap_or(0)))
        .command(ASK_BACK, |tx, caller, ()| call_from(tx, TRY, caller, &"placed".to_owned()));
    let orders = Context::new(Orders(()), orders)
        .command(PLACE, |tx, caller, wanted: Pieces| call_from(tx, RESERVE, caller, &wanted))
        .command(TRY, attempt)
        .command(TRIED, |tx, _, ()| tx.get(PLACED, "tried"));
    let worker = with_reservations(Worker::new())
        .context(inventory)
        .context(orders)
        .relationship(related("inventory", "orders", RelationshipKind::CustomerSupplier));
    match more {
        Some(more) => worker.relationship(more),
        None => worker,
    }
}

pub(crate) fn related(upstream: &str, downstream: &str, kind: RelationshipKind) -> Relationship {
    let (upstream, downstream) = (upstream.to_owned(), downstream.to_owned());
    Relationship { upstream, downstream, kind, description: String::new() }
}
