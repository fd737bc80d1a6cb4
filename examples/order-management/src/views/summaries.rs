//! `orderSummaries`: a line an order, for lists.

use everstep::projections::{Category, Projection, ProjectionCode};
use order_domain::order::{Order, OrderEvent, OrderStatus, Orders, total_cents};
use serde::{Deserialize, Serialize};

use super::{order, said};
use crate::contexts::orders::EVENTS;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderSummary {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    /// As of the submission.
    pub(crate) customer_name: Option<String>,
    pub(crate) city: String,
    pub(crate) status: OrderStatus,
    /// Pieces of all products.
    pub(crate) pieces: u64,
    pub(crate) total_cents: u64,
    /// Why it was cancelled.
    pub(crate) reason: Option<String>,
    /// The lines, which the other numbers are made of.
    lines: Order,
}

pub(super) const ORDER_SUMMARIES: Projection<OrderSummary> =
    Projection::new("orderSummaries", Category::View);

pub(super) fn code() -> ProjectionCode {
    let evolve = |row: Option<OrderSummary>, event: &_| {
        let Some(event) = said(event)? else { return Ok(row) };
        let mut row = row.unwrap_or_default();
        event.order_id().clone_into(&mut row.order_id);
        row.lines = <Orders as everstep::decider::Decider>::evolve(row.lines, &event);
        row.customer_id.clone_from(&row.lines.customer_id);
        row.city.clone_from(&row.lines.city);
        row.status = row.lines.status;
        row.pieces = row.lines.items.iter().map(|item| u64::from(item.quantity)).sum();
        match event {
            OrderEvent::OrderSubmitted { customer_name, total_cents, .. } => {
                (row.customer_name, row.total_cents) = (Some(customer_name), total_cents);
            }
            OrderEvent::OrderCancelled { reason, .. } => row.reason = Some(reason),
            // What was submitted keeps its total.
            _ if row.customer_name.is_none() => row.total_cents = total_cents(&row.lines.items),
            _ => {}
        }
        Ok(Some(row))
    };
    ORDER_SUMMARIES.row(order, evolve).events(EVENTS)
}
