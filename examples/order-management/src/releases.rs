//! `reservationReleaseOnOrderCancel`: what is held for an order that is cancelled goes back on the
//! shelf.
//!
//! A process manager and no saga: one command because of one event, nothing to wait for and nothing to
//! undo. While the order's own saga still reserves, there is nothing to be released here: its
//! confirmation is refused then, and it puts back what it took.

use everstep::Worker;
use everstep::commands::decode;
use everstep::process_manager::{Emitted, ProcessManager, WorkerProcessManagers};
use order_domain::inventory::ReservationStatus;
use order_domain::order::OrderEvent;

use crate::contexts::inventory::{RELEASE_RESERVATION, ReleaseReservation};
use crate::views::{InventoryStatus, ORDER_WITH_INVENTORY_STATUS};

/// Its name, which is that of its subscription.
pub(crate) const RELEASES: &str = "reservationReleaseOnOrderCancel";

pub(crate) fn register(worker: Worker) -> Worker {
    worker.process_manager(
        ProcessManager::new(RELEASES, "orders")
            .on(["OrderCancelled"])
            .emits([RELEASE_RESERVATION.name()])
            .correlated_by("order")
            .decide(async |seen| {
                let Some(OrderEvent::OrderCancelled { order_id, reason, .. }) =
                    decode(seen.event())?
                else {
                    return Ok(Vec::new());
                };
                let held = seen.row(ORDER_WITH_INVENTORY_STATUS, &order_id).await?;
                let Some(InventoryStatus {
                    reservation_id: Some(reservation_id),
                    reservation_status,
                    ..
                }) = held
                else {
                    return Ok(Vec::new());
                };
                if reservation_status == Some(ReservationStatus::Released) {
                    return Ok(Vec::new());
                }
                let reason = format!("Order {order_id} cancelled: {reason}");
                let release = ReleaseReservation { reservation_id, reason };
                Ok(vec![Emitted::new(RELEASE_RESERVATION.name(), &release)?])
            }),
    )
}
