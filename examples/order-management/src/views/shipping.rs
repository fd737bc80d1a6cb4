//! `orderStatusForShipping`: what the carriers' side is told of an order. Its shape is a contract;
//! it is read by nobody and reaches other contexts by the orders' events.

use everstep::projections::{Category, Projection, ProjectionCode};
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
    /// What it follows from.
    order: Order,
}

const FOR_SHIPPING: Projection<ForShipping> =
    Projection::new("orderStatusForShipping", Category::Integration);

pub(super) fn code() -> ProjectionCode {
    FOR_SHIPPING
        .row(order, |row, event| {
            let Some(event) = said(event)? else { return Ok(row) };
            let mut row = row.unwrap_or_default();
            event.order_id().clone_into(&mut row.order_id);
            row.order = <Orders as everstep::decider::Decider>::evolve(row.order, &event);
            row.city.clone_from(&row.order.city);
            row.status = row.order.status;
            row.may_ship = row.status == OrderStatus::Confirmed;
            Ok(Some(row))
        })
        .events(EVENTS)
        .contract("orderStatusForShipping v1")
}
