//! The workflow: reserve, approve, charge, ship; and back again when a step fails for good.

use everstep::{Saga, Worker, WorkflowContext, WorkflowError};
use everstep_workflows::{Approval, approval};

use crate::order::{
    APPROVAL_DEADLINE, APPROVAL_LIMIT_CENTS, CHARGE, Charge, DECISION, FULFIL_ORDER, Order, Parcel,
    REFUND, RELEASE_STOCK, RESERVE_STOCK, Receipt, Refund, SHIP, STATUS, Status, StockRequest,
};

async fn fulfil_order(ctx: &WorkflowContext, order: Order) -> Result<Receipt, WorkflowError> {
    let receipt = ctx
        .saga(async |saga| {
            let ended = steps(ctx, saga, &order).await;
            if ended.is_err() {
                ctx.publish(STATUS, Status::Undoing);
            }
            ended
        })
        .await;
    ctx.publish(STATUS, if receipt.is_ok() { Status::Shipped } else { Status::Undone });
    receipt
}

/// Each compensation is registered before its step: a step may succeed and yet report failure.
async fn steps(
    ctx: &WorkflowContext,
    saga: &Saga,
    order: &Order,
) -> Result<Receipt, WorkflowError> {
    let order_id = ctx.workflow_id();

    ctx.publish(STATUS, Status::Reserving);
    saga.compensate(RELEASE_STOCK, stock_request(order_id, order));
    ctx.activity(RESERVE_STOCK, stock_request(order_id, order)).await?;

    let approved_by = match order.amount_cents > APPROVAL_LIMIT_CENTS {
        true => Some(approve(ctx, order.amount_cents).await?),
        false => None,
    };

    ctx.publish(STATUS, Status::Charging);
    saga.compensate(REFUND, Refund { order_id: order_id.into() });
    let Order { customer, amount_cents, city, .. } = order.clone();
    let charge = Charge { order_id: order_id.into(), customer, amount_cents };
    let charge_id = ctx.activity(CHARGE, charge).await?.charge_id;

    ctx.publish(STATUS, Status::Shipping);
    let parcel = Parcel { order_id: order_id.into(), city };
    let tracking_id = ctx.activity(SHIP, parcel).await?.tracking_id;
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

fn stock_request(order_id: &str, order: &Order) -> StockRequest {
    StockRequest { order_id: order_id.into(), item: order.item.clone(), quantity: order.quantity }
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FULFIL_ORDER, fulfil_order).signal(FULFIL_ORDER, DECISION)
}

#[cfg(test)]
mod tests;
