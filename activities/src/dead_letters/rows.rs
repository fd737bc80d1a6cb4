//! The rows of dead letters: each by its id, its place in the lists, its source, the figures.
//!
//! Invariant: `put` moves all of them together.

use std::time::Duration;

use everstep_decider::fsm::State;
use everstep_engine::{ActivityError, Keys, Table, TransactionContext};

use super::{DeadLetter, DeadLetterStatus};

/// How long a letter is kept that was resolved or ignored.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many letters that are over each new one looks at.
const SWEPT: usize = 2;

/// By id.
pub(super) const LETTERS: Table<DeadLetter> = Table::new("everstep", "dead_letters");
/// By `status/kind/id`, the id.
pub(super) const PLACES: Table<String> = Table::new("everstep", "dead_letter_places");
/// By `kind/source`, the id of the letter that is not over.
pub(super) const SOURCES: Table<String> = Table::new("everstep", "dead_letter_sources");
/// By `kind/status/target`, how many.
pub(super) const FIGURES: Table<u64> = Table::new("everstep", "dead_letter_figures");

pub(super) fn place(status: DeadLetterStatus, kind: &str, id: &str) -> String {
    format!("{}/{kind}/{id}", status.name())
}

pub(super) fn source(kind: &str, source: &str) -> String {
    format!("{kind}/{source}")
}

fn figure(letter: &DeadLetter) -> String {
    format!("{}/{}/{}", letter.kind, letter.status.name(), letter.target)
}

/// Writes a letter in place of what it was before.
pub(super) fn put(
    tx: &mut TransactionContext<'_>,
    before: Option<&DeadLetter>,
    letter: &DeadLetter,
) -> Result<(), ActivityError> {
    if before.is_none_or(|before| before.status != letter.status) {
        if let Some(before) = before {
            leave(tx, before)?;
        }
        tx.put(PLACES, &place(letter.status, &letter.kind, &letter.id), &letter.id)?;
        count(tx, letter, 1)?;
    }
    let source = source(&letter.kind, &letter.source);
    match letter.status.is_over() {
        true => tx.delete(SOURCES, &source)?,
        false => tx.put(SOURCES, &source, &letter.id)?,
    }
    tx.put(LETTERS, &letter.id, letter)
}

/// Takes a letter out of the lists and figures that it stands in.
fn leave(tx: &mut TransactionContext<'_>, letter: &DeadLetter) -> Result<(), ActivityError> {
    tx.delete(PLACES, &place(letter.status, &letter.kind, &letter.id))?;
    count(tx, letter, -1)
}

fn count(
    tx: &mut TransactionContext<'_>,
    letter: &DeadLetter,
    by: i64,
) -> Result<(), ActivityError> {
    let row = figure(letter);
    match tx.get(FIGURES, &row)?.unwrap_or(0).saturating_add_signed(by) {
        0 => tx.delete(FIGURES, &row),
        count => tx.put(FIGURES, &row, &count),
    }
}

/// Forgets a few letters that have been over for long.
pub(super) fn sweep(tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
    let kept_ms = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
    for status in [DeadLetterStatus::Resolved, DeadLetterStatus::Ignored] {
        let keys = Keys::prefix(format!("{}/", status.name())).limit(SWEPT);
        for (_, id) in tx.range(PLACES, &keys)? {
            let Some(letter) = tx.get(LETTERS, &id)? else { continue };
            if tx.now().millis_since(letter.updated_at) >= kept_ms {
                leave(tx, &letter)?;
                tx.delete(LETTERS, &id)?;
            }
        }
    }
    Ok(())
}
