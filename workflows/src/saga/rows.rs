//! The rows of sagas, and the transactions that move them.
//!
//! Invariant: a saga's row and its places in the lists move together; what does not follow by
//! [`SAGA_STATUS`] changes nothing.

use everstep_activities::dead_letters::{self, DeadLetterKind, NewDeadLetter};
use everstep_activities::decider::fsm::State;
use everstep_engine::{
    ActivityError, Failure, RunEnd, RunReset, RunStatus, Signal, Table, Timestamp, Transaction,
    TransactionContext, Worker,
};
use serde::{Deserialize, Serialize};

use super::status::{SAGA_STATUS, SagaRecord, SagaStatus, Stuck};

/// Compensations that failed for good.
pub const COMPENSATION: DeadLetterKind = DeadLetterKind::new("compensation");

/// By the saga's id.
pub(super) const SAGAS: Table<SagaRecord> = Table::new("everstep", "sagas");
/// By status, or `all`, and time, the newest first: the saga's id.
pub(super) const PLACES: Table<String> = Table::new("everstep", "saga_places");

/// The names of a saga's type and run.
type Names = (String, String);

pub(super) const BEGIN: Transaction<(String, Names), ()> = Transaction::new("everstep.saga_begin");
pub(super) const COMPENSATE: Transaction<(String, String), ()> =
    Transaction::new("everstep.saga_compensate");
pub(super) const GOT_STUCK: Transaction<(String, StuckAt), ()> =
    Transaction::new("everstep.saga_stuck");
pub(super) const GO_ON: Transaction<(String, String), ()> = Transaction::new("everstep.saga_go_on");

/// What becomes of a compensation that failed for good.
pub(super) const UNDO: Signal<Decision> = Signal::new("everstep.saga_undo");

/// What somebody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    /// It is tried again.
    Retry,
    /// It need not be done.
    Skip,
}

/// What a saga cannot undo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StuckAt {
    pub(super) compensation: String,
    pub(super) error: Failure,
}

/// Later than any time that is written with as many digits.
const END_OF_TIME_MS: i64 = 9_999_999_999_999;

fn place(list: &str, at: Timestamp, id: &str) -> String {
    format!("{list}/{:013}/{id}", END_OF_TIME_MS.saturating_sub(at.as_millis()))
}

/// Writes a saga in place of what it was before.
pub(super) fn put(
    tx: &mut TransactionContext<'_>,
    before: Option<&SagaRecord>,
    saga: &SagaRecord,
) -> Result<(), ActivityError> {
    let id = &saga.saga_id;
    match before {
        None => tx.put(PLACES, &place("all", saga.started_at, id), id)?,
        Some(before) if before.status != saga.status => {
            tx.delete(PLACES, &place(before.status.name(), before.started_at, id))?;
        }
        Some(_) => {}
    }
    tx.put(PLACES, &place(saga.status.name(), saga.started_at, id), id)?;
    tx.put(SAGAS, id, saga)
}

/// A saga that is going to begin.
pub(super) fn pending(saga_id: &str, saga_type: &str, now: Timestamp) -> SagaRecord {
    SagaRecord {
        saga_id: saga_id.to_owned(),
        saga_type: saga_type.to_owned(),
        status: SagaStatus::Pending,
        run_id: None,
        started_at: now,
        updated_at: now,
        ended_at: None,
        error: None,
        stuck: None,
    }
}

/// Moves a saga on, if it may go there; answers whether it did.
fn go(
    tx: &mut TransactionContext<'_>,
    saga_id: &str,
    to: SagaStatus,
    change: impl FnOnce(&mut SagaRecord),
) -> Result<bool, ActivityError> {
    let Some(before) = tx.get(SAGAS, saga_id)? else { return Ok(false) };
    if before.status != to && SAGA_STATUS.check(before.status, to).is_err() {
        return Ok(false);
    }
    let mut saga = SagaRecord { status: to, updated_at: tx.now(), ..before.clone() };
    change(&mut saga);
    put(tx, Some(&before), &saga)?;
    Ok(true)
}

fn begin(
    tx: &mut TransactionContext<'_>,
    (saga_id, (saga_type, run_id)): (String, Names),
) -> Result<(), ActivityError> {
    let known = tx.get(SAGAS, &saga_id)?;
    let is_over = |saga: &SagaRecord| SAGA_STATUS.is_terminal(saga.status);
    if known.as_ref().is_none_or(|known| is_over(known) && known.run_id.as_ref() != Some(&run_id)) {
        // Started without a row, or anew under its id.
        let saga =
            pending(&saga_id, &saga_type, known.as_ref().map_or(tx.now(), |it| it.started_at));
        put(tx, known.as_ref(), &saga)?;
    }
    go(tx, &saga_id, SagaStatus::Running, |saga| saga.run_id = Some(run_id)).map(drop)
}

fn compensate(
    tx: &mut TransactionContext<'_>,
    (saga_id, error): (String, String),
) -> Result<(), ActivityError> {
    go(tx, &saga_id, SagaStatus::Compensating, |saga| saga.error = Some(error)).map(drop)
}

fn got_stuck(
    tx: &mut TransactionContext<'_>,
    (saga_id, at): (String, StuckAt),
) -> Result<(), ActivityError> {
    let StuckAt { compensation, error } = at;
    let message = error.message.clone();
    let source = format!("{saga_id}/{compensation}");
    let attempts = error.attempts.unwrap_or(1);
    let payload = serde_json::json!({ "saga_id": saga_id, "compensation": compensation });
    let letter = NewDeadLetter::new(COMPENSATION, source, compensation.clone())
        .failure(&error.into())
        .attempts(attempts)
        .correlation_id(&saga_id)
        .payload(payload);
    let dead_letter_id = dead_letters::record(tx, letter)?.id;
    let stuck = Stuck { compensation, error: message, dead_letter_id };
    go(tx, &saga_id, SagaStatus::Compensating, |saga| saga.stuck = Some(stuck)).map(drop)
}

fn go_on(
    tx: &mut TransactionContext<'_>,
    (saga_id, _compensation): (String, String),
) -> Result<(), ActivityError> {
    let stuck = tx.get(SAGAS, &saga_id)?.and_then(|saga| saga.stuck);
    if let Some(stuck) = stuck {
        dead_letters::resolved(tx, &stuck.dead_letter_id)?;
    }
    go(tx, &saga_id, SagaStatus::Compensating, |saga| saga.stuck = None).map(drop)
}

/// The last word, in the commit that ends the run.
pub(super) fn ended(
    tx: &mut TransactionContext<'_>,
    end: &RunEnd<'_>,
) -> Result<(), ActivityError> {
    let Some(saga) = tx.get(SAGAS, end.workflow_id)? else { return Ok(()) };
    let run_id = end.run_id.to_string();
    // An end that is written again may come after a later run has begun; ids follow the time.
    if saga.run_id.as_ref().is_some_and(|known| *known > run_id) {
        return Ok(());
    }
    let was_undone = saga.status == SagaStatus::Compensating && saga.stuck.is_none();
    let status = match end.status {
        RunStatus::Completed => SagaStatus::Completed,
        RunStatus::Failed | RunStatus::Cancelled if was_undone => SagaStatus::Compensated,
        _ => SagaStatus::Failed,
    };
    // Whatever the row said before: the newest end is what is true.
    let now = tx.now();
    let mut last = SagaRecord { status, updated_at: now, ended_at: Some(now), ..saga.clone() };
    last.run_id = Some(run_id);
    if let (SagaStatus::Failed, Some(failure)) = (status, end.failure) {
        last.error = Some(format!("{}: {}", failure.kind, failure.message));
    }
    put(tx, Some(&saga), &last)
}

/// A run begins anew with a part of what was done: the row says what that part says.
pub(super) fn reset(
    tx: &mut TransactionContext<'_>,
    reset: &RunReset<'_>,
) -> Result<(), ActivityError> {
    let Some(saga) = tx.get(SAGAS, reset.workflow_id)? else { return Ok(()) };
    let has_done = |name: &str| reset.done.iter().any(|step| **step == *name);
    let status = match has_done(COMPENSATE.name()) {
        true => SagaStatus::Compensating,
        false => SagaStatus::Running,
    };
    let decisions = [GOT_STUCK.name(), GO_ON.name()];
    let last = reset.done.iter().rev().find(|step| decisions.contains(&&***step));
    let is_stuck = last.is_some_and(|step| **step == *GOT_STUCK.name());
    let mut again = SagaRecord { status, updated_at: tx.now(), ended_at: None, ..saga.clone() };
    again.run_id = Some(reset.run_id.to_string());
    again.stuck = again.stuck.filter(|_| is_stuck);
    again.error = again.error.filter(|_| status == SagaStatus::Compensating);
    put(tx, Some(&saga), &again)
}

fn stuck(tx: &TransactionContext<'_>, saga_id: &str) -> Result<Stuck, ActivityError> {
    let refused = |kind: &str, what: String| ActivityError::new(kind, what).non_retryable();
    let saga = tx.get(SAGAS, saga_id)?;
    let saga = saga.ok_or_else(|| refused("SAGA_NOT_FOUND", format!("no saga `{saga_id}`")))?;
    let status = saga.status.name();
    saga.stuck.ok_or_else(|| {
        refused("SAGA_NOT_STUCK", format!("saga `{saga_id}` is {status}, and not stuck"))
    })
}

/// Has the compensation tried again that a saga is stuck at.
///
/// # Errors
/// `SAGA_NOT_FOUND`, `SAGA_NOT_STUCK`, and those of [`dead_letters::retry`].
pub fn retry(
    tx: &mut TransactionContext<'_>,
    saga_id: &str,
    by: &str,
) -> Result<(), ActivityError> {
    let stuck = stuck(tx, saga_id)?;
    dead_letters::retry(tx, &stuck.dead_letter_id, by).map(drop)
}

/// Decides that the compensation which a saga is stuck at need not be done; it goes on with the
/// others.
///
/// # Errors
/// `SAGA_NOT_FOUND`, `SAGA_NOT_STUCK`, and those of [`dead_letters::ignore`].
pub fn skip(
    tx: &mut TransactionContext<'_>,
    saga_id: &str,
    by: &str,
    reason: &str,
) -> Result<(), ActivityError> {
    let stuck = stuck(tx, saga_id)?;
    dead_letters::ignore(tx, &stuck.dead_letter_id, by, reason)?;
    tx.signal(saga_id, UNDO, &Decision::Skip)
}

/// A retry asks the saga to try again.
pub(super) fn try_again(
    tx: &mut TransactionContext<'_>,
    letter: &dead_letters::DeadLetter,
) -> Result<dead_letters::Retried, ActivityError> {
    let saga_id = letter.payload["saga_id"].as_str().unwrap_or_default();
    tx.signal(saga_id, UNDO, &Decision::Retry)?;
    Ok(dead_letters::Retried::UnderWay)
}

pub(super) fn register(worker: Worker) -> Worker {
    worker
        .transaction(BEGIN, begin)
        .transaction(COMPENSATE, compensate)
        .transaction(GOT_STUCK, got_stuck)
        .transaction(GO_ON, go_on)
}

/// A saga, within a transaction.
///
/// # Errors
/// When the store cannot be read.
pub fn find(
    tx: &TransactionContext<'_>,
    saga_id: &str,
) -> Result<Option<SagaRecord>, ActivityError> {
    tx.get(SAGAS, saga_id)
}
