//! `ticker`: counts signals, and continues as new after every batch of them.

use std::num::NonZeroU64;

use everstep::{Payload, Query, Signal, Worker, Workflow, WorkflowContext, WorkflowError};
use serde::{Deserialize, Serialize};

const TICKER: Workflow<Ticker, Ticked> = Workflow::new("ticker");
const TICK: Signal<Payload> = Signal::new("tick");
const COUNT: Query<(), u64> = Query::new("count");

#[derive(Serialize, Deserialize)]
struct Ticker {
    batch: NonZeroU64,
    until: u64,
    /// What the runs before this one have counted.
    #[serde(default)]
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Ticked {
    count: u64,
    runs: u32,
}

async fn ticker(ctx: &WorkflowContext, mut ticker: Ticker) -> Result<Ticked, WorkflowError> {
    let last = ticker.count.saturating_add(ticker.batch.get());
    ctx.publish(COUNT, ticker.count);
    while ticker.count < ticker.until {
        if ticker.count == last {
            return ctx.continue_as_new(ticker);
        }
        ctx.signal(TICK).await;
        ticker.count += 1;
        ctx.publish(COUNT, ticker.count);
    }
    Ok(Ticked { count: ticker.count, runs: ctx.run_number() })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(TICKER, ticker)
}
