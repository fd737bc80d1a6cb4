//! The next release, with a mistake in it: someone found that an order should be charged before
//! its goods are put aside, and forgot the orders that are open. `preflight --careless` says what
//! it would break; it is never served.

use everstep::{Worker, WorkflowContext, WorkflowError};

use crate::order::{
    CHARGE, Charge, FULFIL_ORDER, Order, Parcel, RESERVE_STOCK, Receipt, SHIP, StockRequest,
};

async fn fulfil_order(ctx: &WorkflowContext, order: Order) -> Result<Receipt, WorkflowError> {
    let Order { customer, item, quantity, amount_cents, city } = order;
    let order_id = ctx.workflow_id().to_owned();

    let charge = Charge { order_id: order_id.clone(), customer, amount_cents };
    let charge_id = ctx.activity(CHARGE, charge).await?.charge_id;

    let stock = StockRequest { order_id: order_id.clone(), item, quantity };
    ctx.activity(RESERVE_STOCK, stock).await?;
    let tracking_id = ctx.activity(SHIP, Parcel { order_id, city }).await?.tracking_id;
    Ok(Receipt { charge_id, tracking_id, approved_by: None })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FULFIL_ORDER, fulfil_order)
}
