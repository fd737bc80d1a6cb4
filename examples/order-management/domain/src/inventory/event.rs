//! What happens in the warehouse.

use serde::{Deserialize, Serialize};

use super::Portion;

/// What happened. An event about a reservation says what is held, so that each product's stock
/// follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum InventoryEvent {
    /// There is a new product; none of it on the shelf.
    ProductCreated {
        /// Which.
        product_id: String,
        /// For people.
        name: String,
        /// What one costs, in cents.
        price_cents: u64,
    },
    /// More of it came in.
    StockAdded {
        /// Which product.
        product_id: String,
        /// How many.
        quantity: u32,
    },
    /// All that an order needs was put aside.
    ReservationCreated {
        /// Which reservation.
        reservation_id: String,
        /// For which order.
        order_id: String,
        /// What was put aside.
        items: Vec<Portion>,
    },
    /// It is held for good.
    ReservationConfirmed {
        /// Which reservation.
        reservation_id: String,
        /// For which order.
        order_id: String,
    },
    /// It went back on the shelf.
    ReservationReleased {
        /// Which reservation.
        reservation_id: String,
        /// For which order.
        order_id: String,
        /// What went back.
        items: Vec<Portion>,
        /// Why.
        reason: String,
    },
}

impl InventoryEvent {
    /// The products whose stock it is about.
    pub fn product_ids(&self) -> Vec<&str> {
        match self {
            Self::ProductCreated { product_id, .. } | Self::StockAdded { product_id, .. } => {
                vec![product_id]
            }
            Self::ReservationCreated { items, .. } | Self::ReservationReleased { items, .. } => {
                items.iter().map(|portion| portion.product_id.as_str()).collect()
            }
            Self::ReservationConfirmed { .. } => Vec::new(),
        }
    }

    /// The reservation that it is about, and its order.
    pub fn reservation(&self) -> Option<(&str, &str)> {
        match self {
            Self::ReservationCreated { reservation_id, order_id, .. }
            | Self::ReservationConfirmed { reservation_id, order_id }
            | Self::ReservationReleased { reservation_id, order_id, .. } => {
                Some((reservation_id, order_id))
            }
            Self::ProductCreated { .. } | Self::StockAdded { .. } => None,
        }
    }
}
