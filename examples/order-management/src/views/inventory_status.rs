//! `orderWithInventoryStatus`: an order, and what is held for it, from the events of two contexts.

use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionCode};
use order_domain::inventory::{Reservation, ReservationStatus};
use order_domain::order::{Order, OrderStatus, Orders};
use serde::{Deserialize, Serialize};

use super::{order, said};
use crate::contexts::{inventory, orders};

/// What is held for an order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InventoryStatus {
    pub(crate) order_id: String,
    pub(crate) order_status: OrderStatus,
    pub(crate) reservation_id: Option<String>,
    pub(crate) reservation_status: Option<ReservationStatus>,
    reservation: Option<Reservation>,
}

pub(crate) const ORDER_WITH_INVENTORY_STATUS: Projection<InventoryStatus> =
    Projection::new("orderWithInventoryStatus", Category::View);

pub(super) fn code() -> ProjectionCode {
    ORDER_WITH_INVENTORY_STATUS
        .rows(order, |order_id, row, event| {
            let mut row = row.unwrap_or_default();
            order_id.clone_into(&mut row.order_id);
            match orders::EVENTS.contains(&event.event_type()) {
                true => ordered(&mut row, event)?,
                false => reserved(&mut row, event)?,
            }
            Ok(Some(row))
        })
        .events(orders::EVENTS.into_iter().chain(inventory::EVENTS))
}

fn ordered(row: &mut InventoryStatus, event: &RecordedEvent) -> Result<(), String> {
    if let Some(event) = said(event)? {
        let before = Order { status: row.order_status, ..Order::default() };
        row.order_status = <Orders as everstep::decider::Decider>::evolve(before, &event).status;
    }
    Ok(())
}

fn reserved(row: &mut InventoryStatus, event: &RecordedEvent) -> Result<(), String> {
    let Some(event) = inventory::said(event)? else { return Ok(()) };
    if let Some((reservation_id, _)) = event.reservation() {
        row.reservation_id = Some(reservation_id.to_owned());
    }
    row.reservation = Reservation::after(row.reservation.take(), &event);
    row.reservation_status = row.reservation.as_ref().map(|reservation| reservation.status);
    Ok(())
}
