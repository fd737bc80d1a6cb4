//! The timer of one opening: a workflow that is started in the opening's commit.

use everstep_engine::{
    ActivityError, Timestamp, Transaction, TransactionContext, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

use super::rows::{self, CIRCUITS, CircuitRow};

/// Wakes a circuit when its time is over.
const CIRCUIT_TIMER: Workflow<Opening, bool> = Workflow::new("everstep.circuit_timer");
const WAKE: Transaction<Opening, bool> = Transaction::new("everstep.circuit_wake");

/// Which opening of which circuit.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Opening {
    circuit: String,
    opened_at_ms: i64,
    openings: u64,
    until: Timestamp,
}

/// Whether it was the opening that the circuit is open by.
async fn circuit_timer(ctx: &WorkflowContext, opening: Opening) -> Result<bool, WorkflowError> {
    ctx.sleep_until(opening.until).await;
    Ok(ctx.transaction(WAKE, opening).await?)
}

fn wake(tx: &mut TransactionContext<'_>, opening: Opening) -> Result<bool, ActivityError> {
    let Opening { circuit, opened_at_ms, openings, .. } = opening;
    let Some(row) = tx.get(CIRCUITS, &circuit)? else { return Ok(false) };
    rows::change(tx, &circuit, row.config, |breaker| breaker.wake(opened_at_ms, openings))
}

pub(super) fn start(
    tx: &mut TransactionContext<'_>,
    circuit: &str,
    row: &CircuitRow,
) -> Result<(), ActivityError> {
    let openings = row.breaker.openings;
    let Some(opened_at_ms) = row.breaker.opened_at_ms else { return Ok(()) };
    let until = Timestamp::from_millis(opened_at_ms).plus_millis(row.config.reset_timeout_ms);
    let opening = Opening { circuit: circuit.to_owned(), opened_at_ms, openings, until };
    tx.start(CIRCUIT_TIMER, format!("everstep.circuit/{circuit}/{openings}"), &opening)
}

pub(super) fn register(worker: Worker) -> Worker {
    worker.built_in_timer(CIRCUIT_TIMER, circuit_timer).transaction(WAKE, wake)
}
