//! Events that have to be appended, sooner or later: tried again until they are, or until somebody has
//! to decide.
//!
//! | what appends | durable? |
//! | --- | --- |
//! | a command that somebody waits for | no: it is told at once |
//! | what an external call came to | recommended |
//! | a step of a saga | yes |
//! | a job of a schedule | yes |
//!
//! Invariant: under its idempotency key an append is stored once, however often it is tried.

use everstep_engine::{ActivityError, AppendRequest, TransactionContext, Worker};
use serde_json::json;

use crate::dead_letters::DeadLetterKind;
use crate::work_queue::{self, NewWork, Patience, WorkItem, WorkKind, WorkerQueue};

/// Appends that are tried five times.
pub const EVENT_APPEND: WorkKind =
    WorkKind::new(DeadLetterKind::new("eventAppend"), Patience::FIVE);

/// Appends events to a stream from the commit of this transaction on: in the order in which that is
/// asked for of a stream, five times with a pause, and then as a dead letter of kind `eventAppend`.
///
/// # Errors
/// `invalid_request` without an idempotency key.
pub fn durable_append(
    tx: &mut TransactionContext<'_>,
    stream: &str,
    idempotency_key: &str,
    request: &AppendRequest,
) -> Result<(), ActivityError> {
    if idempotency_key.is_empty() {
        let what = format!("a durable append to `{stream}` needs an idempotency key");
        return Err(ActivityError::new("invalid_request", what).non_retryable());
    }
    // What can never be appended is refused now.
    request.clone().into_append(Some(stream))?;
    let stream_type = stream.split_once(['-', ':']).map_or(stream, |(before, _)| before);
    let partition = format!("append:{stream}");
    let new = NewWork::new(EVENT_APPEND, partition, idempotency_key, stream_type);
    let payload = json!({ "stream": stream, "append": request });
    work_queue::enqueue(tx, new.payload(payload))
}

fn append(tx: &mut TransactionContext<'_>, item: &WorkItem) -> Result<(), ActivityError> {
    let stream = item.payload["stream"].as_str().unwrap_or_default().to_owned();
    let request: AppendRequest = serde_json::from_value(item.payload["append"].clone())?;
    let mut append = request.into_append(Some(&stream))?;
    append.idempotency_key = Some(item.source.as_str().into());
    tx.append(append).map(drop)
}

/// Adds to a worker what durable appends need. A server has it anyhow.
#[must_use]
pub fn with_durable_appends(worker: Worker) -> Worker {
    worker.work(EVENT_APPEND, append)
}
