//! `chain` and `run_chain`: n steps, one after the other, as activities and as inline steps.

use everstep::{Payload, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use super::identity::identity;

const CHAIN: Workflow<Chain, Chain> = Workflow::new("chain");
const RUN_CHAIN: Workflow<RunChain, RunChain> = Workflow::new("run_chain");

/// Input and result of `chain`.
#[derive(Serialize, Deserialize)]
struct Chain {
    steps: u32,
    /// Handed from step to step.
    #[serde(default)]
    payload: Payload,
}

/// Input and result of `run_chain`.
#[derive(Serialize, Deserialize)]
struct RunChain {
    steps: u32,
}

async fn chain(ctx: &WorkflowContext, input: Chain) -> Result<Chain, WorkflowError> {
    let Chain { steps, mut payload } = input;
    for _ in 0..steps {
        payload = ctx.activity(identity(), payload).await?;
    }
    Ok(Chain { steps, payload })
}

async fn run_chain(ctx: &WorkflowContext, input: RunChain) -> Result<RunChain, WorkflowError> {
    let mut steps = 0;
    while steps < input.steps {
        steps = ctx.run("count", async move || Ok(steps + 1)).await?;
    }
    Ok(RunChain { steps })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(CHAIN, chain).workflow(RUN_CHAIN, run_chain)
}
