//! What people look at: views for screens, a report for the owner.
//!
//! Invariant: a row follows from events alone, whichever contexts they are of; none keeps an e-mail
//! address.

mod cancellations;
mod detail;
mod exists;
mod inventory_status;
mod sales;
mod shipping;
mod stock;
mod summaries;

pub(crate) use exists::{ORDER_EXISTS, order_exists};
pub(crate) use inventory_status::{InventoryStatus, ORDER_WITH_INVENTORY_STATUS};

use everstep::Worker;
use everstep::commands::decode;
use everstep::log::RecordedEvent;
use everstep::projections::ProjectionWorker;
use order_domain::order::OrderEvent;

pub(crate) use cancellations::{
    CANCELLED, CUSTOMER_CANCELLATIONS, Cancellation, Cancellations, is_the_customers,
};

/// Every projection that is read from outside.
pub(crate) fn register(worker: Worker) -> Worker {
    shipping::hand_on(worker)
        .projection(summaries::code())
        .projection(detail::code())
        .projection(inventory_status::code())
        .projection(stock::code())
        .projection(sales::code())
        .projection(shipping::code())
        .projection(cancellations::code())
}

/// The order that an event of any context is about.
fn order(event: &RecordedEvent) -> Option<String> {
    event.tags().find_map(|tag| tag.strip_prefix("order:")).map(str::to_owned)
}

/// What an event of the orders says.
fn said(event: &RecordedEvent) -> Result<Option<OrderEvent>, String> {
    decode(event).map_err(|error| error.to_string())
}
