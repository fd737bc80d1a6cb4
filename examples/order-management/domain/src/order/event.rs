//! What happens to orders.

use serde::{Deserialize, Serialize};

use super::OrderItem;
use crate::personal::if_readable;

/// What happened. Each event names its order, so that nobody has to know its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrderEvent {
    /// A draft was begun.
    OrderCreated {
        /// Which order.
        order_id: String,
        /// Whose.
        customer_id: String,
        /// Where it goes.
        city: String,
        /// When, in milliseconds since 1970.
        created_at: i64,
    },
    /// More of a product.
    OrderItemAdded {
        /// Which order.
        order_id: String,
        /// What was added.
        #[serde(flatten)]
        item: OrderItem,
    },
    /// A product is not wanted after all.
    OrderItemRemoved {
        /// Which order.
        order_id: String,
        /// Which product.
        product_id: String,
    },
    /// The customer wants it. A fat event: whoever fulfils, charges or writes to the customer needs
    /// to ask nobody, and what it says of the customer is what was true then.
    OrderSubmitted {
        /// Which order.
        order_id: String,
        /// Whose.
        customer_id: String,
        /// The customer's name at that time; events of the first version have none.
        #[serde(default)]
        customer_name: String,
        /// Where to reach the customer; personal.
        #[serde(default, deserialize_with = "if_readable")]
        customer_email: Option<String>,
        /// Where it goes.
        city: String,
        /// What is ordered.
        items: Vec<OrderItem>,
        /// What it costs, in cents.
        total_cents: u64,
        /// When, in milliseconds since 1970.
        submitted_at: i64,
    },
    /// It is reserved and paid.
    OrderConfirmed {
        /// Which order.
        order_id: String,
        /// Whose.
        customer_id: String,
        /// When, in milliseconds since 1970.
        confirmed_at: i64,
    },
    /// It will not be.
    OrderCancelled {
        /// Which order.
        order_id: String,
        /// Whose.
        customer_id: String,
        /// Why.
        reason: String,
        /// When, in milliseconds since 1970.
        cancelled_at: i64,
    },
}

impl OrderEvent {
    /// Which order it is about.
    pub fn order_id(&self) -> &str {
        match self {
            Self::OrderCreated { order_id, .. }
            | Self::OrderItemAdded { order_id, .. }
            | Self::OrderItemRemoved { order_id, .. }
            | Self::OrderSubmitted { order_id, .. }
            | Self::OrderConfirmed { order_id, .. }
            | Self::OrderCancelled { order_id, .. } => order_id,
        }
    }
}
