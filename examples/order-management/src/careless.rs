//! The next release, with a mistake in it: someone found that an order should be charged before
//! its goods are put aside, and forgot the orders that are open. `preflight --careless` says what
//! it would break; it is never served.

use everstep::commands::SendCommands;
use everstep::saga::saga;
use everstep::{Worker, WorkflowContext, WorkflowError};

use crate::contexts::inventory::RESERVE_STOCK;
use crate::fulfilment::reservation;
use crate::order::{CHARGE, Charge, FULFIL_ORDER, FulfilOrder, Parcel, Receipt, SHIP};

async fn fulfil_order(ctx: &WorkflowContext, order: FulfilOrder) -> Result<Receipt, WorkflowError> {
    saga(ctx, async |_| {
        let (order_id, customer) = (order.order_id.clone(), order.customer_id.clone());
        let amount_cents = order.total_cents;
        let charge = Charge { order_id: order_id.clone(), customer, amount_cents };
        let charge_id = ctx.activity(CHARGE, charge).await?.charge_id;

        ctx.command(RESERVE_STOCK, &reservation(&order)).await?;
        let parcel = Parcel { order_id, city: order.city };
        let tracking_id = ctx.activity(SHIP, parcel).await?.tracking_id;
        Ok(Receipt { charge_id, tracking_id, approved_by: None })
    })
    .await
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FULFIL_ORDER, fulfil_order)
}
