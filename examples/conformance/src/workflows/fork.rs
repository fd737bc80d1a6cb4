//! `fork`: non-deterministic on purpose. What it asks for depends on whether a file exists when
//! the code runs, and a replay may find another answer than the history.

use std::time::Duration;

use everstep::{Activity, ActivityError, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

use crate::witness_dir::{WitnessDir, WitnessName};

const FORK: Workflow<Fork, Took> = Workflow::new("fork");
const LEFT: Activity<Walk, String> = Activity::new("left");
const RIGHT: Activity<Walk, String> = Activity::new("right");

#[derive(Serialize, Deserialize)]
struct Fork {
    file: WitnessName,
    #[serde(default)]
    delay_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Walk {
    delay_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Took {
    took: String,
}

async fn fork(ctx: &WorkflowContext, dir: &WitnessDir, input: Fork) -> Result<Took, WorkflowError> {
    let way = if dir.has(&input.file) { RIGHT } else { LEFT };
    let took = ctx.activity(way, Walk { delay_ms: input.delay_ms }).await?;
    Ok(Took { took })
}

async fn walk(way: &'static str, input: Walk) -> Result<String, ActivityError> {
    if input.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(input.delay_ms)).await;
    }
    Ok(way.to_owned())
}

pub(crate) fn register(worker: Worker, dir: &WitnessDir) -> Worker {
    let dir = dir.clone();
    worker
        .workflow(FORK, async move |ctx: &WorkflowContext, input| fork(ctx, &dir, input).await)
        .activity(LEFT, |_, input| walk("left", input))
        .activity(RIGHT, |_, input| walk("right", input))
}
