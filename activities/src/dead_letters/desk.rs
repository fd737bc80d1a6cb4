//! What happens to dead letters, each as a part of the transaction that calls it.

use everstep_engine::{ActivityError, TransactionContext};

use super::failure::{not_found, reason_required, refused, unknown_kind};
use super::kind::{DeadLetters, Retried};
use super::letter::{DEAD_LETTER_STATUS, DeadLetter, DeadLetterStatus, NewDeadLetter};
use super::rows::{self, LETTERS, SOURCES};
use crate::deterministic_id::random_id;

/// The most text of an error that is kept, in bytes.
const MOST_ERROR_BYTES: usize = 2_048;

/// Writes down that work was given up on, in the transaction that gives it up. Work whose letter is
/// pending or being retried has one letter: it is pending again, with what went wrong this time.
///
/// # Errors
/// When the store cannot be read or the transaction writes too much.
pub fn record(
    tx: &mut TransactionContext<'_>,
    new: NewDeadLetter,
) -> Result<DeadLetter, ActivityError> {
    let now = tx.now();
    let known = tx.get(SOURCES, &rows::source(new.kind, &new.source))?;
    let known = known.map(|id| tx.get(LETTERS, &id)).transpose()?.flatten();
    let letter = DeadLetter {
        id: known.as_ref().map_or_else(|| fresh_id(now.as_millis()), |known| known.id.clone()),
        kind: new.kind.to_owned(),
        source: new.source,
        target: new.target,
        partition: new.partition,
        status: DeadLetterStatus::Pending,
        attempts: new.attempts + known.as_ref().map_or(0, |known| known.attempts),
        retries: known.as_ref().map_or(0, |known| known.retries),
        error_type: new.error_type,
        last_error: cut(new.last_error),
        payload: new.payload,
        correlation_id: new.correlation_id,
        trace_context: new.trace_context,
        recorded_at: known.as_ref().map_or(now, |known| known.recorded_at),
        updated_at: now,
        decided_by: None,
        reason: None,
    };
    rows::put(tx, known.as_ref(), &letter)?;
    rows::sweep(tx)?;
    Ok(letter)
}

/// Tries a letter again. One whose retry is over at once is answered as it is then: resolved, or
/// pending with what went wrong.
///
/// # Errors
/// `DEAD_LETTER_NOT_FOUND`, `DEAD_LETTER_NOT_PENDING`, `UNKNOWN_DEAD_LETTER_KIND`.
pub fn retry(
    tx: &mut TransactionContext<'_>,
    id: &str,
    by: &str,
) -> Result<DeadLetter, ActivityError> {
    let before = find(tx, id)?;
    let mut letter = moved(&before, DeadLetterStatus::Retrying)?;
    let retry = tx.extension::<DeadLetters>().and_then(|known| known.retry(&letter.kind));
    let retry = retry.ok_or_else(|| unknown_kind(id, &letter.kind))?;
    letter.retries += 1;
    letter.decided_by = Some(by.to_owned());
    letter.updated_at = tx.now();
    rows::put(tx, Some(&before), &letter)?;
    match tx.nested(|tx| retry(tx, &letter)) {
        Ok(Retried::UnderWay) => {}
        Ok(Retried::Resolved) => resolved(tx, id)?,
        // The store is at fault, and not the work.
        Err(error) if error.kind() == "unavailable" => return Err(error),
        Err(error) => failed_again(tx, id, &error)?,
    }
    find(tx, id)
}

/// Decides that the work need not be done.
///
/// # Errors
/// `DEAD_LETTER_NOT_FOUND`, `DEAD_LETTER_NOT_PENDING`, `REASON_REQUIRED`.
pub fn ignore(
    tx: &mut TransactionContext<'_>,
    id: &str,
    by: &str,
    reason: &str,
) -> Result<DeadLetter, ActivityError> {
    let before = find(tx, id)?;
    let mut letter = moved(&before, DeadLetterStatus::Ignored)?;
    if reason.trim().is_empty() {
        return Err(reason_required(id));
    }
    letter.decided_by = Some(by.to_owned());
    letter.reason = Some(reason.trim().to_owned());
    letter.updated_at = tx.now();
    rows::put(tx, Some(&before), &letter)?;
    Ok(letter)
}

/// Writes down that a retry worked, in the transaction that ends it. A letter that is not being
/// retried, or is gone, stays as it is: a retry that comes twice counts once.
///
/// # Errors
/// When the store cannot be read or the transaction writes too much.
pub fn resolved(tx: &mut TransactionContext<'_>, id: &str) -> Result<(), ActivityError> {
    end(tx, id, DeadLetterStatus::Resolved, |_| {})
}

/// Writes down that a retry failed: the letter is pending again, with what went wrong. A letter that
/// is not being retried, or is gone, stays as it is.
///
/// # Errors
/// When the store cannot be read or the transaction writes too much.
pub fn failed_again(
    tx: &mut TransactionContext<'_>,
    id: &str,
    error: &ActivityError,
) -> Result<(), ActivityError> {
    end(tx, id, DeadLetterStatus::Pending, |letter| {
        letter.attempts += 1;
        error.kind().clone_into(&mut letter.error_type);
        letter.last_error = cut(error.failure().message.clone());
    })
}

fn end(
    tx: &mut TransactionContext<'_>,
    id: &str,
    status: DeadLetterStatus,
    change: impl FnOnce(&mut DeadLetter),
) -> Result<(), ActivityError> {
    let Some(before) = tx.get(LETTERS, id)? else { return Ok(()) };
    if before.status != DeadLetterStatus::Retrying {
        return Ok(());
    }
    let mut letter = moved(&before, status)?;
    letter.updated_at = tx.now();
    change(&mut letter);
    rows::put(tx, Some(&before), &letter)
}

fn find(tx: &TransactionContext<'_>, id: &str) -> Result<DeadLetter, ActivityError> {
    tx.get(LETTERS, id)?.ok_or_else(|| not_found(id))
}

/// The letter in another state, if it may be in it.
fn moved(letter: &DeadLetter, to: DeadLetterStatus) -> Result<DeadLetter, ActivityError> {
    let checked = DEAD_LETTER_STATUS.check(letter.status, to);
    checked.map_err(|why| refused(&letter.id, &why))?;
    Ok(DeadLetter { status: to, ..letter.clone() })
}

/// Ids follow the time, so lists are in its order.
fn fresh_id(now_ms: i64) -> String {
    let random = random_id();
    let tail: String = random.chars().take(12).collect();
    format!("dl-{now_ms:013}-{tail}")
}

/// Whether this can be the id of a dead letter.
pub fn is_id(text: &str) -> bool {
    let Some((at_ms, tail)) = text.strip_prefix("dl-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    at_ms.len() == 13 && at_ms.bytes().all(|digit| digit.is_ascii_digit()) && !tail.is_empty()
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(MOST_ERROR_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
