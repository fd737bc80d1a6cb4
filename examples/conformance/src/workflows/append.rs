//! `append`: events in the same commit as the result of the step that appends them.

use everstep::{
    ActivityError, AppendRequest, EventInput, ExpectedVersion, Transaction, TransactionContext,
    Worker, Workflow, WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

const APPEND: Workflow<Append, Positions> = Workflow::new("append");
const TO_STREAM: Transaction<Append, Positions> = Transaction::new("append_to_stream");

#[derive(Serialize, Deserialize)]
struct Append {
    stream: String,
    events: Vec<EventInput>,
    expected_version: Option<ExpectedVersion>,
}

#[derive(Serialize, Deserialize)]
struct Positions {
    positions: Vec<u64>,
}

async fn append(ctx: &WorkflowContext, input: Append) -> Result<Positions, WorkflowError> {
    Ok(ctx.transaction(TO_STREAM, input).await?)
}

fn to_stream(tx: &mut TransactionContext<'_>, input: Append) -> Result<Positions, ActivityError> {
    let expected_version = input.expected_version.or(Some(ExpectedVersion::ANY));
    let request = AppendRequest { events: input.events, expected_version, ..Default::default() };
    let written = tx.append(request.into_append(Some(&input.stream))?)?.written().clone();
    Ok(Positions { positions: (written.first_position..=written.last_position()).collect() })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(APPEND, append).transaction(TO_STREAM, to_stream)
}
