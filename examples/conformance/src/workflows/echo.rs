//! `echo`: returns its input, whatever it is.

use everstep::{Payload, Worker, Workflow, WorkflowContext, WorkflowError};

const ECHO: Workflow<Payload, Payload> = Workflow::new("echo");

async fn echo(_ctx: &WorkflowContext, input: Payload) -> Result<Payload, WorkflowError> {
    Ok(input)
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(ECHO, echo)
}
