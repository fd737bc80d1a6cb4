//! Orders: a draft is filled, submitted, and then confirmed or cancelled.

mod decide;
mod event;

use everstep_decider::fsm::{Machine, State};
use serde::{Deserialize, Serialize};

pub use decide::{CustomerSnapshot, OrderCommand, Orders};
pub use event::OrderEvent;

/// Where an order stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// It is being filled.
    #[default]
    Draft,
    /// The customer wants it.
    Submitted,
    /// It is reserved and paid.
    Confirmed,
    /// It will not be.
    Cancelled,
}

impl State for OrderStatus {
    const ALL: &'static [Self] = &[Self::Draft, Self::Submitted, Self::Confirmed, Self::Cancelled];

    fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which status may follow which.
pub const ORDER_STATUS: Machine<OrderStatus> = Machine::new(
    "order",
    OrderStatus::Draft,
    &[
        (OrderStatus::Draft, &[OrderStatus::Submitted, OrderStatus::Cancelled]),
        (OrderStatus::Submitted, &[OrderStatus::Confirmed, OrderStatus::Cancelled]),
        (OrderStatus::Confirmed, &[OrderStatus::Cancelled]),
    ],
);

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderItem {
    /// What.
    pub product_id: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, in cents.
    pub unit_price_cents: u64,
}

/// An order as of now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Whose.
    pub customer_id: String,
    /// Where it goes.
    pub city: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// What is ordered, a line a product.
    pub items: Vec<OrderItem>,
}

/// What the lines cost together, in cents.
pub fn total_cents(items: &[OrderItem]) -> u64 {
    let line = |item: &OrderItem| item.unit_price_cents.saturating_mul(item.quantity.into());
    items.iter().map(line).fold(0, u64::saturating_add)
}
