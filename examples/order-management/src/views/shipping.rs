//! `orderStatusForShipping`: what the carriers' side is told of an order. Its shape is a contract;
//! nobody reads it: each change is an event, which is handed on to the context `shipping`.

use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionCode};
use everstep::publication::{PublicationTarget, WorkerPublications};
use everstep::{ActivityError, Table, TransactionContext, Worker};
use order_domain::order::{Order, OrderStatus, Orders};
use serde::{Deserialize, Serialize};

use super::{order, said};
use crate::contexts::orders::EVENTS;

/// `orderStatusForShipping v1`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForShipping {
    order_id: String,
    status: OrderStatus,
    city: String,
    /// Whether goods may leave the house.
    may_ship: bool,
}

const FOR_SHIPPING: Projection<ForShipping> =
    Projection::new("orderStatusForShipping", Category::Integration);
/// What other contexts are told by.
const CHANGED: &str = "OrderStatusForShippingChanged";

/// The carriers' own: cities of orders that may leave the house.
const TO_SHIP: Table<String> = Table::new("shipping", "toShip");

pub(super) fn code() -> ProjectionCode {
    FOR_SHIPPING
        .row(order, |row, event| {
            let Some(event) = said(event)? else { return Ok(row) };
            let mut row = row.unwrap_or_default();
            event.order_id().clone_into(&mut row.order_id);
            let before = Order { status: row.status, city: row.city, ..Order::default() };
            let after = <Orders as everstep::decider::Decider>::evolve(before, &event);
            (row.status, row.city) = (after.status, after.city);
            row.may_ship = row.status == OrderStatus::Confirmed;
            Ok(Some(row))
        })
        .events(EVENTS)
        .contract("orderStatusForShipping v1")
        .publishes(CHANGED)
}

/// Hands each change on to the carriers' side.
pub(super) fn hand_on(worker: Worker) -> Worker {
    worker.publish_to(PublicationTarget::new("shipping").events([CHANGED]), hear)
}

fn hear(tx: &mut TransactionContext<'_>, event: &RecordedEvent) -> Result<(), ActivityError> {
    let told: Option<ForShipping> = serde_json::from_slice(event.data())?;
    match told {
        Some(told) if told.may_ship => tx.put(TO_SHIP, &told.order_id, &told.city),
        Some(told) => tx.delete(TO_SHIP, &told.order_id),
        None => Ok(()),
    }
}
