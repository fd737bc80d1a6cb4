//! The workflows that the tests start.

use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Payload, Query, Signal, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};

const ECHO: Workflow<Payload, Payload> = Workflow::new("echo");
const CHAIN: Workflow<Steps, Steps> = Workflow::new("chain");
const FAIL: Workflow<Payload, ()> = Workflow::new("fail");
const GATE: Workflow<Payload, Opened> = Workflow::new("gate");
const SLEEP: Workflow<Millis, Millis> = Workflow::new("sleep");

const IDENTITY: Activity<u64, u64> = Activity::new("identity");
const OPEN: Signal<Payload> = Signal::new("open");
const ADD: Signal<i64> = Signal::new("add");
const STATUS: Query<(), &'static str> = Query::new("status");

#[derive(Serialize, Deserialize)]
struct Steps {
    steps: u64,
}

#[derive(Serialize, Deserialize)]
struct Millis {
    ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    by: Payload,
}

/// `echo` returns its input, `chain` takes steps, `fail` fails, `gate` waits for the signal
/// `open`, `sleep` sleeps.
pub(crate) fn worker() -> Worker {
    Worker::new()
        .workflow(ECHO, async |_: &WorkflowContext, input| Ok(input))
        .workflow(CHAIN, chain)
        .workflow(FAIL, fail)
        .workflow(GATE, gate)
        .signal(GATE, ADD)
        .workflow(SLEEP, sleep)
        .activity(IDENTITY, identity)
        .build_id("test-build")
}

async fn identity(_: ActivityContext, number: u64) -> Result<u64, ActivityError> {
    Ok(number)
}

async fn chain(ctx: &WorkflowContext, input: Steps) -> Result<Steps, WorkflowError> {
    for step in 0..input.steps {
        ctx.activity(IDENTITY, step).await?;
    }
    Ok(input)
}

async fn fail(_: &WorkflowContext, _: Payload) -> Result<(), WorkflowError> {
    Err(WorkflowError::new("on_purpose", "it failed on purpose"))
}

async fn gate(ctx: &WorkflowContext, _: Payload) -> Result<Opened, WorkflowError> {
    ctx.publish(STATUS, "waiting");
    let by = ctx.cancellable(ctx.signal(OPEN)).await?;
    ctx.publish(STATUS, "open");
    Ok(Opened { by })
}

async fn sleep(ctx: &WorkflowContext, input: Millis) -> Result<Millis, WorkflowError> {
    ctx.sleep(Duration::from_millis(input.ms)).await;
    Ok(input)
}
