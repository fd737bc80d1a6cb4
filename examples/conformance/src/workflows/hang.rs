//! `hang`: an activity that gives some heartbeats and then no other sign of life.

use std::num::NonZeroU32;
use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Retry, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

const HANG: Workflow<Hang, ()> = Workflow::new("hang");
const STALL: Activity<u64, ()> = Activity::new("stall");

#[derive(Serialize, Deserialize)]
struct Hang {
    start_to_close_ms: u64,
    heartbeat_ms: Option<u64>,
    beats: Option<u64>,
    max_attempts: NonZeroU32,
}

async fn hang(ctx: &WorkflowContext, input: Hang) -> Result<(), WorkflowError> {
    let mut stall = ctx
        .activity(STALL, input.beats.unwrap_or(0))
        .timeout(Duration::from_millis(input.start_to_close_ms))
        .retry(Retry::DEFAULT.max_attempts(input.max_attempts.get()));
    if let Some(ms) = input.heartbeat_ms {
        stall = stall.heartbeat_timeout(Duration::from_millis(ms));
    }
    Ok(stall.await?)
}

async fn stall(ctx: ActivityContext, beats: u64) -> Result<(), ActivityError> {
    for count in 1..=beats {
        ctx.heartbeat(&count);
    }
    // Until its time has run out, and then there is no use in hanging any longer.
    ctx.cancelled().await;
    Err(ActivityError::cancelled())
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(HANG, hang).activity(STALL, stall)
}
