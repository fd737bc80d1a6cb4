//! The durable timer of a reservation: a workflow that is started with it, in its transaction.
//!
//! It writes down that the time was over, keeps what ended for a week for whoever asks what became of
//! it, and forgets it then.

use std::time::Duration;

use everstep_engine::{Transaction, Worker, Workflow, WorkflowContext, WorkflowError};

use super::hold::{self, CONFIRM, RELEASE, RESERVE};

/// Ends reservations whose time is over.
pub(super) const EXPIRE_RESERVATION: Workflow<String, ()> =
    Workflow::new("everstep.expire_reservation");
/// Milliseconds until the time is over.
const TIME_LEFT: Transaction<String, u64> = Transaction::new("everstep.reservation_time_left");
const EXPIRE: Transaction<String, bool> = Transaction::new("everstep.reservation_expire");
const FORGET: Transaction<String, ()> = Transaction::new("everstep.reservation_forget");

/// How long a reservation that ended is found by its id.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The id of the workflow that ends a reservation.
pub(super) fn expiry_workflow_id(reservation_id: &str) -> String {
    format!("everstep.reservation/{reservation_id}")
}

async fn expire(ctx: &WorkflowContext, reservation_id: String) -> Result<(), WorkflowError> {
    let left_ms = ctx.transaction(TIME_LEFT, reservation_id.clone()).await?;
    ctx.sleep(Duration::from_millis(left_ms)).await;
    if ctx.transaction(EXPIRE, reservation_id.clone()).await? {
        ctx.sleep(KEPT).await;
        ctx.transaction(FORGET, reservation_id).await?;
    }
    Ok(())
}

/// Adds to a worker what reservations need: their durable timer, and the transactions that workflows
/// reserve with. A server has it anyhow.
#[must_use]
pub fn with_reservations(worker: Worker) -> Worker {
    worker
        .built_in_timer(EXPIRE_RESERVATION, expire)
        .transaction(TIME_LEFT, |tx, id: String| {
            let found = hold::show(tx, &id).ok();
            Ok(found.map_or(0, |found| found.expires_at.millis_since(tx.now())))
        })
        .transaction(EXPIRE, |tx, id: String| hold::expire(tx, &id))
        .transaction(FORGET, |tx, id: String| hold::forget(tx, &id))
        .transaction(RESERVE, hold::reserve)
        .transaction(CONFIRM, |tx, (id, entity): (String, String)| hold::confirm(tx, &id, &entity))
        .transaction(RELEASE, |tx, id: String| hold::release(tx, &id))
}
