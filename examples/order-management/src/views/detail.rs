//! `orderDetail`: an order with its lines, its reservation and what happened to it, from the events
//! of two contexts.

use everstep::Timestamp;
use everstep::log::RecordedEvent;
use everstep::projections::{Category, Projection, ProjectionCode};
use order_domain::inventory::Reservation;
use order_domain::order::{Order, OrderEvent, Orders, total_cents};
use serde::{Deserialize, Serialize};

use super::{order, said};
use crate::contexts::{inventory, orders};

/// Steps that are kept; the oldest go first.
const MOST_STEPS: usize = 100;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderDetail {
    order_id: String,
    /// As of the submission.
    customer_name: Option<String>,
    total_cents: u64,
    #[serde(flatten)]
    order: Order,
    reservation: Option<Reservation>,
    cancelled_because: Option<String>,
    /// What happened, in order.
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Step {
    position: u64,
    what: String,
    at: Timestamp,
}

const ORDER_DETAIL: Projection<OrderDetail> = Projection::new("orderDetail", Category::View);

pub(super) fn code() -> ProjectionCode {
    ORDER_DETAIL
        .rows(order, |order_id, row, event| {
            let mut row = row.unwrap_or_default();
            order_id.clone_into(&mut row.order_id);
            row.steps.push(Step {
                position: event.position(),
                what: event.event_type().to_owned(),
                at: Timestamp::from_millis(event.recorded_at_ms()),
            });
            if row.steps.len() > MOST_STEPS {
                row.steps.remove(0);
            }
            match orders::EVENTS.contains(&event.event_type()) {
                true => ordered(&mut row, event)?,
                false => reserved(&mut row, event)?,
            }
            Ok(Some(row))
        })
        .events(orders::EVENTS.into_iter().chain(inventory::EVENTS))
}

fn ordered(row: &mut OrderDetail, event: &RecordedEvent) -> Result<(), String> {
    let Some(event) = said(event)? else { return Ok(()) };
    let before = std::mem::take(&mut row.order);
    row.order = <Orders as everstep::decider::Decider>::evolve(before, &event);
    match event {
        OrderEvent::OrderSubmitted { customer_name, total_cents, .. } => {
            (row.customer_name, row.total_cents) = (Some(customer_name), total_cents);
        }
        OrderEvent::OrderCancelled { reason, .. } => row.cancelled_because = Some(reason),
        // What was submitted keeps its total.
        _ if row.customer_name.is_none() => row.total_cents = total_cents(&row.order.items),
        _ => {}
    }
    Ok(())
}

fn reserved(row: &mut OrderDetail, event: &RecordedEvent) -> Result<(), String> {
    if let Some(event) = inventory::said(event)? {
        row.reservation = Reservation::after(row.reservation.take(), &event);
    }
    Ok(())
}
