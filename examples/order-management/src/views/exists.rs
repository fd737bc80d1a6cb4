//! `orderExists`: which orders there are, for decisions of other contexts. It is never behind.

use everstep::projections::{Category, Projection, ProjectionCode};

use super::order;

/// Read by the inventory's decisions: nothing is held for an order that does not exist.
pub(crate) const ORDER_EXISTS: Projection<bool> = Projection::new("orderExists", Category::Logic);

pub(crate) fn order_exists() -> ProjectionCode {
    ORDER_EXISTS.row(order, |_, _| Ok(Some(true))).events(["OrderCreated"])
}
