//! Commands within a scope that has moved meanwhile: decided again on what is there then, without the
//! caller's doing.
//!
//! Invariants: of one scope one command is tried at a time; a try reads the scope anew and decides
//! anew, so it never only bumps a version; the command's id is the same, so it is executed once.

use everstep_engine::{ActivityError, Timestamp, TransactionContext, Worker};
use serde::{Deserialize, Serialize};

use crate::commands::{CommandClient, CommandError, CommandOutcome, CommandRequest, send_within};
use crate::dead_letters::DeadLetterKind;
use crate::work_queue::{self, NewWork, Patience, Work, WorkItem, WorkKind, WorkerQueue};

/// Decisions that are tried again: after 100 ms, twice as long each time up to 30 s, each half to one
/// and a half of that, five times.
pub const DCB_RETRY: WorkKind = WorkKind::new(
    DeadLetterKind::new("dcbRetry"),
    Patience { attempts: 5, initial_ms: 100, longest_ms: 30_000, jitter: true },
);

const MISMATCH: &str = "SCOPE_VERSION_MISMATCH";
const EXCEEDED: &str = "DCB_MAX_RETRIES_EXCEEDED";

/// What came of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DcbOutcome {
    /// It was decided at once.
    Decided(Box<CommandOutcome>),
    /// Its scope had moved: it is decided again.
    Deferred {
        /// Under which it waits: the command's id.
        retry_key: String,
        /// Not before.
        scheduled_at: Timestamp,
    },
}

/// Sends a command that is decided within a scope; where that has moved, it is decided again later.
///
/// # Errors
/// Those of [`send_within`], but for `SCOPE_VERSION_MISMATCH`.
pub fn send_retrying(
    tx: &mut TransactionContext<'_>,
    request: &CommandRequest,
) -> Result<DcbOutcome, ActivityError> {
    let error = match tx.nested(|tx| send_within(tx, request)) {
        Ok(outcome) => return Ok(DcbOutcome::Decided(Box::new(outcome))),
        Err(error) => error,
    };
    let scope = request.scopes.keys().next().filter(|_| error.kind() == MISMATCH);
    let Some(scope) = scope.cloned() else { return Err(error) };
    let id = request.command_id.clone();
    let new = NewWork::new(DCB_RETRY, format!("dcb:{scope}"), &id, &request.command_type)
        .payload(serde_json::to_value(request)?)
        .correlation_id(Some(request.correlation_id.clone()))
        .trace_context(request.trace.clone())
        .after_a_pause();
    let scheduled_at = tx.now().plus_millis(DCB_RETRY.patience().initial_ms);
    work_queue::enqueue(tx, new)?;
    Ok(DcbOutcome::Deferred { retry_key: id, scheduled_at })
}

impl CommandClient {
    /// As [`CommandClient::send`]; a command whose scope has moved is decided again later.
    ///
    /// # Errors
    /// As [`CommandClient::send`], but for a scope that has moved.
    pub async fn send_retrying(&self, request: CommandRequest) -> Result<DcbOutcome, CommandError> {
        self.send_by(request, send_retrying).await
    }
}

struct DecideAgain;

impl Work for DecideAgain {
    fn attempt(
        &self,
        tx: &mut TransactionContext<'_>,
        item: &WorkItem,
    ) -> Result<(), ActivityError> {
        let mut request: CommandRequest = serde_json::from_value(item.payload.clone())?;
        for (scope, version) in &mut request.scopes {
            *version = tx.scope_head(scope)?.commits;
        }
        // A rejection is an outcome, too: it is on the command's record.
        let sent = send_within(tx, &request).map(drop);
        sent.map_err(|error| {
            let what = format!("{}: {}", error.kind(), error.failure().message);
            let exceeded = ActivityError::new(EXCEEDED, what);
            if error.failure().non_retryable && error.kind() != MISMATCH {
                exceeded.non_retryable()
            } else {
                exceeded
            }
        })
    }
}

/// Adds to a worker what such commands need. A server has it anyhow.
#[must_use]
pub fn with_dcb_retries(worker: Worker) -> Worker {
    worker.work(DCB_RETRY, DecideAgain)
}
