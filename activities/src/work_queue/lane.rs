//! A lane: the workflow that does the items of one partition, one after the other.

use std::time::Duration;

use everstep_engine::{
    ActivityError, Either, IdReuse, OnConflict, Payload, Signal, SignalInput, StartRequest,
    Transaction, TransactionContext, Worker, Workflow, WorkflowContext, WorkflowError, race,
};
use serde::{Deserialize, Serialize};

use super::kind::WorkQueue;
use super::{NewWork, WorkItem};
use crate::dead_letters::{self, NewDeadLetter};

const LANE: Workflow<(), ()> = Workflow::new("everstep.lane");
const ITEM: Signal<WorkItem> = Signal::new("item");
const ATTEMPT: Transaction<(WorkItem, u32, f64), Attempted> =
    Transaction::new("everstep.work_attempt");
/// How long a lane waits for another item.
const LINGER: Duration = Duration::from_millis(1);

/// How an attempt ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Attempted {
    /// It worked, or it was given up.
    Over,
    /// It is tried again after so many milliseconds.
    Again(u64),
}

/// Enqueues work in the commit of this transaction.
///
/// # Errors
/// When the transaction asks for too much.
pub fn enqueue(tx: &mut TransactionContext<'_>, new: NewWork) -> Result<(), ActivityError> {
    let NewWork { mut item, delayed } = new;
    if delayed {
        let patience = tx.extension::<WorkQueue>().and_then(|queue| queue.get(&item.kind));
        let pause = patience.map(|(kind, _)| kind.patience().pause_ms(1, rand::random()));
        item.not_before = pause.map(|ms| tx.now().plus_millis(ms));
    }
    send(tx, &item)
}

/// Wakes the lane, or begins it.
pub(super) fn send(tx: &mut TransactionContext<'_>, item: &WorkItem) -> Result<(), ActivityError> {
    let mut request = StartRequest::new(LANE.name(), Payload::null());
    request.workflow_id = Some(format!("everstep.lane/{}", item.partition));
    request.on_conflict = OnConflict::UseExisting;
    request.id_reuse = IdReuse::AllowIfClosed;
    let signal = SignalInput { name: ITEM.name().to_owned(), payload: Payload::from_value(item)? };
    request.signal = Some(signal);
    tx.start_with(request)
}

async fn lane(ctx: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
    while let Either::First(item) = race(ctx.signal(ITEM), ctx.sleep(LINGER)).await {
        if let Some(not_before) = item.not_before {
            ctx.sleep_until(not_before).await;
        }
        let mut attempt = 1;
        let given = (item.clone(), attempt, ctx.random());
        let mut attempted = ctx.transaction(ATTEMPT, given).await?;
        while let Attempted::Again(pause_ms) = attempted {
            ctx.sleep(Duration::from_millis(pause_ms)).await;
            attempt += 1;
            let given = (item.clone(), attempt, ctx.random());
            attempted = ctx.transaction(ATTEMPT, given).await?;
        }
        if ctx.should_continue_as_new() {
            return ctx.continue_as_new(());
        }
    }
    Ok(())
}

fn attempt(
    tx: &mut TransactionContext<'_>,
    (item, attempt, random): (WorkItem, u32, f64),
) -> Result<Attempted, ActivityError> {
    let known = tx.extension::<WorkQueue>().and_then(|queue| queue.get(&item.kind));
    let Some((kind, work)) = known else {
        // Another build knows it: it is tried again for as long as this one runs.
        return Ok(Attempted::Again(60_000));
    };
    let Err(error) = tx.nested(|tx| work.attempt(tx, &item)) else {
        if let Some(id) = &item.dead_letter_id {
            dead_letters::resolved(tx, id)?;
        }
        return Ok(Attempted::Over);
    };
    let gives_up = attempt >= kind.patience().attempts || error.failure().non_retryable;
    work.failed(tx, &item, &error, gives_up)?;
    if !gives_up {
        return Ok(Attempted::Again(kind.patience().pause_ms(attempt, random)));
    }
    match &item.dead_letter_id {
        Some(id) => dead_letters::failed_again(tx, id, &error)?,
        None => {
            let letter = NewDeadLetter::new(kind.letters(), &item.source, &item.target)
                .failure(&error)
                .attempts(attempt)
                .partition(&item.partition)
                .payload(serde_json::to_value(&item)?);
            let letter = match &item.correlation_id {
                Some(id) => letter.correlation_id(id),
                None => letter,
            };
            let letter = match &item.trace_context {
                Some(trace) => letter.trace_context(trace),
                None => letter,
            };
            dead_letters::record(tx, letter)?;
        }
    }
    Ok(Attempted::Over)
}

pub(super) fn register(worker: Worker) -> Worker {
    worker.built_in(LANE, lane).signal(LANE, ITEM).transaction(ATTEMPT, attempt)
}
