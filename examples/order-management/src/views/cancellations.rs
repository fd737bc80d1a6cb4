//! `customerCancellations`: what each customer cancelled, for whoever looks for customers that turn
//! away. What the shop itself undid is not among it.

use everstep::Timestamp;
use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contexts::customer_of;

/// Cancellations that are kept of a customer: the newest.
const MOST: usize = 100;

/// A customer's cancellations.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellations {
    pub(crate) cancellations: Vec<Cancellation>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellation {
    pub(crate) order_id: String,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
}

pub(crate) const CUSTOMER_CANCELLATIONS: Projection<Cancellations> =
    Projection::new("customerCancellations", Category::View);
pub(crate) const CANCELLED: &str = "OrderCancelled";

/// Whether the customer did it, and not the workflow that undoes an order.
pub(crate) fn is_the_customers(event: &RecordedEvent) -> bool {
    !event.actor().is_some_and(|actor| actor.starts_with("workflow:"))
}

pub(super) fn code() -> ProjectionCode {
    CUSTOMER_CANCELLATIONS
        .row(
            |event: &RecordedEvent| customer_of(event).filter(|_| is_the_customers(event)),
            |row, event| {
                let mut row = row.unwrap_or_default();
                let data: Value =
                    serde_json::from_slice(event.data()).map_err(|it| it.to_string())?;
                let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
                row.cancellations.push(Cancellation {
                    order_id: text("orderId"),
                    reason: text("reason"),
                    at: Timestamp::from_millis(event.recorded_at_ms()),
                    position: event.position(),
                });
                if row.cancellations.len() > MOST {
                    row.cancellations.remove(0);
                }
                Ok(Some(row))
            },
        )
        .events([CANCELLED])
}
