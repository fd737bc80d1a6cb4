//! `blocked`: waits for something that nothing durable could ever wake.

use everstep::{Worker, Workflow, WorkflowContext, WorkflowError};

use super::NoInput;

const BLOCKED: Workflow<NoInput, ()> = Workflow::new("blocked");

async fn blocked(_ctx: &WorkflowContext, _input: NoInput) -> Result<(), WorkflowError> {
    std::future::pending().await
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(BLOCKED, blocked)
}
