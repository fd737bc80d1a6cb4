//! Projections that are kept in the transactions that append.
//!
//! Invariant: every append moves the checkpoint of every inline projection, so that one that was
//! not there for a while is known to be behind. It catches up in transactions of its own, and only
//! then is kept in those of others again.

use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, Payload, TransactError, TransactionContext};

use super::rows::{CHECKPOINTS, Checkpoint, ROWS, StoredRow};
use super::{ProjectionCode, index};

/// Events that one transaction catches up with.
const CAUGHT_UP_AT_ONCE: usize = 256;

/// Takes in what a transaction appends.
pub(super) fn keep(
    code: &ProjectionCode,
    tx: &mut TransactionContext<'_>,
    events: &[RecordedEvent],
) -> Result<(), ActivityError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
    let checkpoint = tx.get(CHECKPOINTS, code.name)?.unwrap_or_default();
    if checkpoint.position + 1 != first.position() {
        // Behind: these come with the rest.
        return Ok(());
    }
    code.read_in(tx.extension());
    take_in(code, tx, events, checkpoint, last.position())
}

fn take_in(
    code: &ProjectionCode,
    tx: &mut TransactionContext<'_>,
    events: &[RecordedEvent],
    mut checkpoint: Checkpoint,
    up_to: u64,
) -> Result<(), ActivityError> {
    let shelf = checkpoint.shelf(code.name);
    index::begin(tx, (code, shelf), checkpoint.position)?;
    for event in events {
        let keys = code.keys_of(event);
        checkpoint.events += u64::from(!keys.is_empty());
        for key in keys {
            let place = shelf.key(&key);
            let row = tx.get(ROWS, &place)?;
            let next = code.evolve(&key, row.as_ref().map(|row| &row.state), event);
            let next = next.map_err(|why| {
                let at = event.position();
                let what = format!("projection `{}` at position {at}: {why}", code.name);
                ActivityError::new("projection_failed", what).non_retryable()
            })?;
            let before = row.as_ref().map(|row| &row.state);
            index::keep(tx, (code, shelf), &key, before, next.as_ref())?;
            match next {
                Some(state) => {
                    let row = StoredRow { position: event.position(), state };
                    tx.put(ROWS, &place, &row)?;
                }
                None => tx.delete(ROWS, &place)?,
            }
        }
    }
    let at_ms = tx.now().as_millis();
    tx.put(CHECKPOINTS, code.name, &Checkpoint { position: up_to, at_ms, ..checkpoint })
}

/// Takes in events that were appended while the projection was not there; whether it is current.
pub(super) async fn catch_up(
    code: &std::sync::Arc<ProjectionCode>,
    engine: &Engine,
    namespace: &str,
) -> Result<bool, TransactError> {
    let code = std::sync::Arc::clone(code);
    let caught_up = engine.transact(namespace, move |tx| {
        code.read_in(tx.extension());
        let checkpoint = tx.get(CHECKPOINTS, code.name)?.unwrap_or_default();
        let newest = tx.last_position();
        if checkpoint.position >= newest {
            return Ok(true);
        }
        let events = tx.read_events(&code.query, checkpoint.position, CAUGHT_UP_AT_ONCE)?;
        let whole = events.len() < CAUGHT_UP_AT_ONCE;
        let last = events.last().map_or(newest, RecordedEvent::position);
        take_in(&code, tx, &events, checkpoint, if whole { newest } else { last })?;
        Ok(whole)
    });
    caught_up.await
}

/// The row of a projection that is current, as the transaction sees it.
pub(super) fn current_row(
    tx: &TransactionContext<'_>,
    projection: &str,
    key: &str,
) -> Result<Option<Payload>, ActivityError> {
    let checkpoint = tx.get(CHECKPOINTS, projection)?.unwrap_or_default();
    if checkpoint.position != tx.last_position() {
        let what = format!("projection `{projection}` is behind the events");
        return Err(ActivityError::new("projection_behind", what));
    }
    Ok(tx.get(ROWS, &checkpoint.shelf(projection).key(key))?.map(|row| row.state))
}
