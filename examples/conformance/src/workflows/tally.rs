//! `tally`: counts in transactions, each of them exactly once.

use everstep::{
    ActivityError, Counters, Transaction, TransactionContext, Worker, Workflow, WorkflowContext,
    WorkflowError,
};
use serde::{Deserialize, Serialize};

const TALLY: Workflow<Tally, Counted> = Workflow::new("tally");
const COUNT: Transaction<Count, Counted> = Transaction::new("count");
const COUNTERS: Counters = Counters::new("conformance", "tally");
/// Counts every step of every run.
const ALL: &str = "all";

#[derive(Serialize, Deserialize)]
struct Tally {
    counter: String,
    /// 0 only reads the counter.
    times: u32,
}

#[derive(Serialize, Deserialize)]
struct Count {
    counter: String,
    by: i64,
}

#[derive(Serialize, Deserialize)]
struct Counted {
    count: i64,
}

async fn tally(ctx: &WorkflowContext, input: Tally) -> Result<Counted, WorkflowError> {
    let Tally { counter, times } = input;
    let step = |by| ctx.transaction(COUNT, Count { counter: counter.clone(), by });
    for _ in 1..times {
        step(1).await?;
    }
    Ok(step(i64::from(times.min(1))).await?)
}

fn count(tx: &mut TransactionContext<'_>, step: Count) -> Result<Counted, ActivityError> {
    let Count { counter, by } = step;
    if counter != ALL {
        tx.add(COUNTERS, ALL, by)?;
    }
    let count = tx.add(COUNTERS, &counter, by)?;
    Ok(Counted { count })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(TALLY, tally).transaction(COUNT, count)
}
