//! Stock: products on the shelf, and reservations that hold several of them or none.

mod decide;
mod event;

use std::collections::BTreeMap;

use everstep_decider::fsm::{Machine, State};
use serde::{Deserialize, Serialize};

pub use decide::{Inventories, InventoryCommand};
pub use event::InventoryEvent;

/// So much of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Portion {
    /// Which product.
    pub product_id: String,
    /// How many.
    pub quantity: u32,
}

/// A product on the shelf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stock {
    /// For people.
    pub name: String,
    /// What one costs, in cents.
    pub price_cents: u64,
    /// How many may still be reserved.
    pub available: u64,
    /// How many are held by reservations.
    pub reserved: u64,
}

/// How far a reservation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    /// Held while its order is paid.
    #[default]
    Pending,
    /// Held for good.
    Confirmed,
    /// Back on the shelf.
    Released,
}

impl State for ReservationStatus {
    const ALL: &'static [Self] = &[Self::Pending, Self::Confirmed, Self::Released];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
        }
    }
}

/// Which status may follow which.
pub const RESERVATION_STATUS: Machine<ReservationStatus> = Machine::new(
    "reservation",
    ReservationStatus::Pending,
    &[
        (ReservationStatus::Pending, &[ReservationStatus::Confirmed, ReservationStatus::Released]),
        (ReservationStatus::Confirmed, &[ReservationStatus::Released]),
    ],
);

/// What is held for an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// For which order.
    pub order_id: String,
    /// How far it has come.
    pub status: ReservationStatus,
    /// What it holds or held, a portion a product.
    pub items: Vec<Portion>,
}

/// As much of the warehouse as one decision looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The products that the command names, as far as there are such.
    pub products: BTreeMap<String, Stock>,
    /// The reservation that the command names, if there is one.
    pub reservation: Option<Reservation>,
    /// Whether the order exists that the command names; the orders' context says so.
    pub order_exists: bool,
}

impl Stock {
    /// What becomes of one product; none where there is none.
    #[must_use]
    pub fn after(stock: Option<Self>, product: &str, event: &InventoryEvent) -> Option<Self> {
        let mine = |items: &[Portion]| -> u64 {
            let own = items.iter().filter(|portion| portion.product_id == product);
            own.map(|portion| u64::from(portion.quantity)).sum()
        };
        match event {
            InventoryEvent::ProductCreated { product_id, name, price_cents } => {
                match product_id == product {
                    true => Some(Self {
                        name: name.clone(),
                        price_cents: *price_cents,
                        ..Self::default()
                    }),
                    false => stock,
                }
            }
            InventoryEvent::StockAdded { product_id, quantity } if product_id == product => {
                let stock = stock?;
                let available = stock.available + u64::from(*quantity);
                Some(Self { available, ..stock })
            }
            InventoryEvent::ReservationCreated { items, .. } => {
                let (stock, moved) = (stock?, mine(items));
                let available = stock.available.saturating_sub(moved);
                Some(Self { available, reserved: stock.reserved + moved, ..stock })
            }
            InventoryEvent::ReservationReleased { items, .. } => {
                let (stock, moved) = (stock?, mine(items));
                let reserved = stock.reserved.saturating_sub(moved);
                Some(Self { available: stock.available + moved, reserved, ..stock })
            }
            InventoryEvent::StockAdded { .. } | InventoryEvent::ReservationConfirmed { .. } => {
                stock
            }
        }
    }
}

impl Reservation {
    /// What becomes of the reservation that an event is about.
    #[must_use]
    pub fn after(reservation: Option<Self>, event: &InventoryEvent) -> Option<Self> {
        match event {
            InventoryEvent::ReservationCreated { order_id, items, .. } => Some(Self {
                order_id: order_id.clone(),
                status: ReservationStatus::Pending,
                items: items.clone(),
            }),
            InventoryEvent::ReservationConfirmed { .. } => {
                Some(Self { status: ReservationStatus::Confirmed, ..reservation? })
            }
            InventoryEvent::ReservationReleased { .. } => {
                Some(Self { status: ReservationStatus::Released, ..reservation? })
            }
            InventoryEvent::ProductCreated { .. } | InventoryEvent::StockAdded { .. } => {
                reservation
            }
        }
    }
}
