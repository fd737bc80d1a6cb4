//! An agent that had too many dead letters in a row rests, and goes on by itself.

use std::time::Duration;

use everstep_engine::{
    ActivityError, Transaction, TransactionContext, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde_json::json;

use super::audit::AuditType;
use super::{AgentStatus, Agents, books};

/// Waits for the cool-down of an agent, in milliseconds.
pub(super) const AGENT_RECOVERY: Workflow<(String, u64), ()> = Workflow::new("agent_recovery");
const RECOVER: Transaction<String, ()> = Transaction::new("agents.recover");

pub(super) fn register(worker: Worker) -> Worker {
    worker.workflow(AGENT_RECOVERY, recovery).transaction(RECOVER, recover)
}

async fn recovery(
    ctx: &WorkflowContext,
    (agent_id, cool_down_ms): (String, u64),
) -> Result<(), WorkflowError> {
    ctx.sleep(Duration::from_millis(cool_down_ms)).await;
    Ok(ctx.transaction(RECOVER, agent_id).await?)
}

/// Somebody may have done something else with it meanwhile.
#[expect(clippy::needless_pass_by_value, reason = "a transaction is handed its input")]
fn recover(tx: &mut TransactionContext<'_>, agent_id: String) -> Result<(), ActivityError> {
    let mut books = books::open(tx)?;
    let mut checkpoint = books::load_checkpoint(&mut books, &agent_id)?;
    if checkpoint.status != AgentStatus::ErrorRecovery {
        return Ok(());
    }
    checkpoint.status = AgentStatus::Active;
    checkpoint.failures_in_a_row = 0;
    checkpoint.reason = None;
    books::keep_checkpoint(&mut books, checkpoint)?;
    let data = json!({ "by": "recovery" });
    books::note(&mut books, &agent_id, AuditType::AgentResumed, None, data)?;
    Agents::announce(books.transaction());
    Ok(())
}
