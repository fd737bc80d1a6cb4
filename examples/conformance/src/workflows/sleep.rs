//! `sleep`: a durable timer.

use std::time::Duration;

use everstep::{Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

const SLEEP: Workflow<Sleep, Slept> = Workflow::new("sleep");

#[derive(Serialize, Deserialize)]
struct Sleep {
    ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Slept {
    slept_ms: u64,
}

async fn sleep(ctx: &WorkflowContext, Sleep { ms }: Sleep) -> Result<Slept, WorkflowError> {
    ctx.sleep(Duration::from_millis(ms)).await;
    Ok(Slept { slept_ms: ms })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(SLEEP, sleep)
}
