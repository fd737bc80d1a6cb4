//! `flaky`: an activity that fails a number of times, and its retries.

use std::num::NonZeroU32;
use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Retry, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

const FLAKY: Workflow<Flaky, Attempts> = Workflow::new("flaky");
const FAIL: Activity<Fail, u32> = Activity::new("fail");

#[derive(Serialize, Deserialize)]
struct Flaky {
    failures: u32,
    max_attempts: NonZeroU32,
    initial_interval_ms: Option<u64>,
    #[serde(default)]
    non_retryable: bool,
}

#[derive(Serialize, Deserialize)]
struct Fail {
    failures: u32,
    non_retryable: bool,
}

#[derive(Serialize, Deserialize)]
struct Attempts {
    attempts: u32,
}

async fn flaky(ctx: &WorkflowContext, input: Flaky) -> Result<Attempts, WorkflowError> {
    let Flaky { failures, max_attempts, initial_interval_ms, non_retryable } = input;
    let mut retry = Retry::DEFAULT.max_attempts(max_attempts.get());
    if let Some(ms) = initial_interval_ms {
        retry = retry.initial_interval(Duration::from_millis(ms));
    }
    let attempts = ctx.activity(FAIL, Fail { failures, non_retryable }).retry(retry).await?;
    Ok(Attempts { attempts })
}

async fn fail(ctx: ActivityContext, input: Fail) -> Result<u32, ActivityError> {
    let attempt = ctx.attempt();
    if attempt > input.failures {
        return Ok(attempt);
    }
    let message = format!("failure {attempt} of {}", input.failures);
    let error = ActivityError::new("flaky", message);
    Err(if input.non_retryable { error.non_retryable() } else { error })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(FLAKY, flaky).activity(FAIL, fail)
}
