//! `orderExists`: which orders there are, for decisions of other contexts. It is never behind.

use everstep::projections::{Category, Projection, ProjectionCode};

use super::order;

const ORDER_EXISTS: Projection<bool> = Projection::new("orderExists", Category::Logic);

pub(super) fn code() -> ProjectionCode {
    ORDER_EXISTS.row(order, |_, _| Ok(Some(true))).events(["OrderCreated"])
}
