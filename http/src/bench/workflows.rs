//! The workflows of the benchmark, in the shapes of the conformance worker, so that one request
//! serves both ways of measuring.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Activity, ActivityContext, ActivityError, Payload, Signal, Worker, Workflow, WorkflowContext,
    WorkflowError, join_all,
};

const CHAIN: Workflow<Chain, Chain> = Workflow::new("chain");
const LONG_RUN: Workflow<Chain, Payload> = Workflow::new("long_run");
const FAN_OUT: Workflow<FanOut, Sum> = Workflow::new("fan_out");
const SLEEP: Workflow<Sleep, Slept> = Workflow::new("sleep");
const SIGNAL_WAIT: Workflow<Payload, Payload> = Workflow::new("signal_wait");
const GO: Signal<Payload> = Signal::new("go");
const IDENTITY: Activity<String, String> = Activity::new("identity");
const NUMBER: Activity<u64, u64> = Activity::new("number");

/// One hour, in milliseconds.
const HOUR_MS: u64 = 3_600_000;
/// Steps that W4 starts at once.
pub(super) const WIDTH: u64 = 1000;

#[derive(Debug, Serialize, Deserialize)]
struct Chain {
    steps: u32,
    payload: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct FanOut {
    width: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sum {
    sum: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sleep {
    ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Slept {
    slept_ms: u64,
}

async fn chain(ctx: &WorkflowContext, input: Chain) -> Result<Chain, WorkflowError> {
    let mut payload = input.payload;
    for _ in 0..input.steps {
        payload = ctx.activity(IDENTITY, payload).await?;
    }
    Ok(Chain { steps: input.steps, payload })
}

/// Many steps, and then a wait: what is measured is how it comes back.
async fn long_run(ctx: &WorkflowContext, input: Chain) -> Result<Payload, WorkflowError> {
    chain(ctx, input).await?;
    Ok(ctx.signal(GO).await)
}

async fn fan_out(ctx: &WorkflowContext, input: FanOut) -> Result<Sum, WorkflowError> {
    let numbers = join_all((0..input.width).map(|number| ctx.activity(NUMBER, number))).await;
    let numbers: Vec<u64> = numbers.into_iter().collect::<Result<_, _>>()?;
    Ok(Sum { sum: numbers.iter().sum() })
}

async fn sleep(ctx: &WorkflowContext, input: Sleep) -> Result<Slept, WorkflowError> {
    ctx.sleep(Duration::from_millis(input.ms)).await;
    Ok(Slept { slept_ms: input.ms })
}

async fn signal_wait(ctx: &WorkflowContext, _input: Payload) -> Result<Payload, WorkflowError> {
    Ok(ctx.signal(GO).await)
}

async fn identity(_ctx: ActivityContext, value: String) -> Result<String, ActivityError> {
    Ok(value)
}

async fn number(_ctx: ActivityContext, value: u64) -> Result<u64, ActivityError> {
    Ok(value)
}

/// The worker that is measured in process.
pub(super) fn worker() -> Worker {
    Worker::new()
        .workflow(CHAIN, chain)
        .workflow(LONG_RUN, long_run)
        .workflow(FAN_OUT, fan_out)
        .workflow(SLEEP, sleep)
        .workflow(SIGNAL_WAIT, signal_wait)
        .activity(IDENTITY, identity)
        .activity(NUMBER, number)
}

/// About 100 bytes of text.
fn text() -> String {
    "an order of three lamps, paid by card, to be sent to a house at the end of a long and quiet road".to_owned()
}

/// A type, its input, and the signal that ends it where it waits for one.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) workflow_type: &'static str,
    pub(super) input: Payload,
    pub(super) signal: (&'static str, Payload),
}

impl Job {
    fn new(workflow_type: &'static str, input: &impl Serialize) -> Self {
        // Structs of numbers and strings always have a JSON form.
        let input = Payload::from_value(input).unwrap_or_default();
        Self { workflow_type, input, signal: ("", Payload::null()) }
    }

    pub(super) fn chain(steps: u32) -> Self {
        Self::new(CHAIN.name(), &Chain { steps, payload: text() })
    }

    /// So many steps, and then a wait for one signal.
    pub(super) fn long_run(steps: u32) -> Self {
        let input = Chain { steps, payload: text() };
        Self { signal: (GO.name(), Payload::null()), ..Self::new(LONG_RUN.name(), &input) }
    }

    pub(super) fn fan_out() -> Self {
        Self::fan_out_of(WIDTH)
    }

    /// As many steps at once.
    pub(super) fn fan_out_of(width: u64) -> Self {
        Self::new(FAN_OUT.name(), &FanOut { width })
    }

    pub(super) fn sleep() -> Self {
        Self::new(SLEEP.name(), &Sleep { ms: HOUR_MS })
    }

    /// Waits for one signal that carries about 100 bytes and returns it.
    pub(super) fn signal_wait() -> Self {
        let payload = Payload::from_value(&text()).unwrap_or_default();
        Self { signal: (GO.name(), payload), ..Self::new(SIGNAL_WAIT.name(), &()) }
    }

    /// The nearest that the conformance worker has: `accumulate`, ended by its first signal.
    pub(super) fn accumulate() -> Self {
        let input = serde_json::json!({});
        Self { signal: ("finish", Payload::null()), ..Self::new("accumulate", &input) }
    }
}
