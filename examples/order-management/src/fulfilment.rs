//! The workflow: reserve, approve, charge, confirm, ship; and back again when a step fails for good.
//!
//! It begins with the commit of `OrderSubmitted`, whoever sent the command: there is no submitted
//! order that nobody works on.

use std::collections::BTreeMap;

use everstep::commands::{SendCommands, decode};
use everstep::log::RecordedEvent;
use everstep::saga::{SagaRun, UndoSagaByCommand, WorkerSagas, saga, start_if_not_exists};
use everstep::{
    ActivityError, Payload, TransactionContext, Worker, WorkflowContext, WorkflowError,
};
use everstep_workflows::{Approval, approval};
use order_domain::inventory::Portion;
use order_domain::order::OrderEvent;

use crate::contexts::inventory::{
    CONFIRM_RESERVATION, ConfirmReservation, RELEASE_RESERVATION, RESERVE_STOCK,
    ReleaseReservation, ReserveStock,
};
use crate::contexts::orders::{CANCEL_ORDER, CONFIRM_ORDER, CancelOrder, OfOrder, SUBMITTED};
use crate::order::{
    APPROVAL_DEADLINE, APPROVAL_LIMIT_CENTS, CHARGE, Charge, DECISION, FULFIL_ORDER, FulfilOrder,
    Parcel, REFUND, Receipt, Refund, SHIP, STATUS, Status,
};

async fn fulfil_order(ctx: &WorkflowContext, order: FulfilOrder) -> Result<Receipt, WorkflowError> {
    let receipt = saga(ctx, async |saga| {
        let ended = steps(ctx, saga, &order).await;
        if ended.is_err() {
            ctx.publish(STATUS, Status::Undoing);
        }
        ended
    })
    .await;
    if let Err(error) = &receipt {
        cancel(ctx, &order, error).await;
    }
    ctx.publish(STATUS, if receipt.is_ok() { Status::Shipped } else { Status::Undone });
    receipt
}

/// What happens as a command is registered to be undone once it has happened: its step and its
/// effect are one commit. What happens outside is registered before.
async fn steps(
    ctx: &WorkflowContext,
    saga: &SagaRun,
    order: &FulfilOrder,
) -> Result<Receipt, WorkflowError> {
    let order_id = &order.order_id;

    ctx.publish(STATUS, Status::Reserving);
    let wanted = reservation(order);
    saga.step("reserve the stock", ctx.command(RESERVE_STOCK, &wanted)).await?;
    let reservation_id = wanted.reservation_id;
    let reason = format!("order {order_id} is undone");
    let release = ReleaseReservation { reservation_id: reservation_id.clone(), reason };
    saga.compensate_by(RELEASE_RESERVATION, release);

    let approved_by = match order.total_cents > APPROVAL_LIMIT_CENTS {
        true => Some(saga.step("approve", approve(ctx, order.total_cents)).await?),
        false => None,
    };

    ctx.publish(STATUS, Status::Charging);
    saga.compensate(REFUND, Refund { order_id: order_id.clone() });
    let charge = Charge {
        order_id: order_id.clone(),
        customer: order.customer_id.clone(),
        amount_cents: order.total_cents,
    };
    let charge_id = saga.step("charge", ctx.activity(CHARGE, charge)).await?.charge_id;

    ctx.publish(STATUS, Status::Confirming);
    // Refused when the customer has cancelled meanwhile.
    let of_order = OfOrder { order_id: order_id.clone() };
    saga.step("confirm the order", ctx.command(CONFIRM_ORDER, &of_order)).await?;
    let held = ConfirmReservation { reservation_id };
    saga.step("confirm the reservation", ctx.command(CONFIRM_RESERVATION, &held)).await?;

    ctx.publish(STATUS, Status::Shipping);
    let parcel = Parcel { order_id: order_id.clone(), city: order.city.clone() };
    let tracking_id = saga.step("ship", ctx.activity(SHIP, parcel)).await?.tracking_id;
    Ok(Receipt { charge_id, tracking_id, approved_by })
}

/// Who approved it; an error when someone rejected it or nobody did anything in time.
async fn approve(ctx: &WorkflowContext, amount_cents: u64) -> Result<String, WorkflowError> {
    ctx.publish(STATUS, Status::AwaitingApproval);
    // Written once, however often the order is brought back from its history.
    tracing::info!(amount_cents, "waiting for approval");
    match approval(ctx, DECISION, ctx.now() + APPROVAL_DEADLINE).await {
        Approval::Approved(decision) if decision.approved => Ok(decision.by),
        Approval::Approved(decision) => {
            Err(WorkflowError::new("rejected", format!("rejected by {}", decision.by)))
        }
        Approval::Expired => {
            Err(WorkflowError::new("approval_expired", "nobody approved it within 24 hours"))
        }
    }
}

/// Tells the order, which may be cancelled already: that is why the rest was undone, then.
async fn cancel(ctx: &WorkflowContext, order: &FulfilOrder, why: &WorkflowError) {
    let cancel = CancelOrder { order_id: order.order_id.clone(), reason: why.to_string() };
    if let Err(error) = ctx.shield(ctx.command(CANCEL_ORDER, &cancel)).await {
        tracing::info!(order = order.order_id, %error, "the order was not cancelled");
    }
}

/// What is reserved for an order.
pub(crate) fn reservation(order: &FulfilOrder) -> ReserveStock {
    let portion = |item: &order_domain::order::OrderItem| Portion {
        product_id: item.product_id.clone(),
        quantity: item.quantity,
    };
    ReserveStock {
        reservation_id: format!("res-{}", order.order_id),
        order_id: order.order_id.clone(),
        items: order.items.iter().map(portion).collect(),
    }
}

/// The workflow alone: all that a replay needs.
pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FULFIL_ORDER, fulfil_order).saga(FULFIL_ORDER).signal(FULFIL_ORDER, DECISION)
}

/// Fulfils every order from the commit on in which it is submitted.
pub(crate) fn begin_when_submitted(worker: Worker) -> Worker {
    worker.on_append(|tx, events| {
        let submitted = events.iter().filter(|event| event.event_type() == SUBMITTED);
        submitted.into_iter().try_for_each(|event| begin(tx, event))
    })
}

fn begin(tx: &mut TransactionContext<'_>, event: &RecordedEvent) -> Result<(), ActivityError> {
    let Some(OrderEvent::OrderSubmitted {
        order_id, customer_id, items, total_cents, city, ..
    }) = decode(event)?
    else {
        return Ok(());
    };
    let products: Vec<&str> = items.iter().map(|item| item.product_id.as_str()).collect();
    let memo = BTreeMap::from([("items", products.join(", ")), ("city", city.clone())]);
    let search_attributes = BTreeMap::from([
        ("customer".to_owned(), Payload::from_value(&customer_id)?),
        ("amount_cents".to_owned(), Payload::from_value(&total_cents)?),
    ]);
    let memo = Some(Payload::from_value(&memo)?);
    let order = FulfilOrder { order_id, customer_id, items, total_cents, city };
    start_if_not_exists(tx, FULFIL_ORDER, &order.order_id, &order, |request| {
        (request.memo, request.search_attributes) = (memo, search_attributes);
    })
    .map(drop)
}

#[cfg(test)]
mod tests;
