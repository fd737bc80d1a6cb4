//! Large payloads, in rows of their own beside the history.
//!
//! Invariant: a payload above the limit is stored once, in the batch that records its event, under
//! the event's number and its own place among the event's payloads; in the event stands a
//! reference. Memos and search attributes never are: lists show them, and their limits are small.

use everstep_storage::{Batch, Snapshot};

use super::keys::{self, PAYLOADS};
use crate::kernel::{HistoryEvent, ValueMut, visit_failure};
use crate::{Failure, Payload, PayloadReference, Rejection};

/// Puts an event's payloads of more than `limit` bytes into rows; answers how many bytes they
/// have. `run` is what the run's rows begin with.
pub(super) fn keep_apart(
    event: &mut HistoryEvent,
    event_id: u64,
    limit: usize,
    run: &[u8],
    batch: &mut Batch,
) -> u64 {
    let (mut index, mut apart) = (0, 0);
    event.visit_values(&mut |value| {
        let ValueMut::Payload(payload) = value else { return };
        if payload.as_bytes().len() > limit {
            let reference = PayloadReference::to(payload, event_id, index);
            batch.put(PAYLOADS, &keys::payload(run, event_id, index), payload.as_bytes());
            apart += reference.bytes;
            *payload = Payload::refer(reference);
        }
        index = index.saturating_add(1);
    });
    apart
}

/// What stands in a run's row for the result of the event that closed it.
pub(super) fn refer_to_large(payload: &mut Payload, event_id: u64, limit: usize) {
    if payload.as_bytes().len() > limit {
        // An event that closes a run has one payload at most.
        *payload = Payload::refer(PayloadReference::to(payload, event_id, 0));
    }
}

/// Reads the payload if it is a reference.
pub(crate) fn resolve(
    payload: &mut Payload,
    snapshot: &dyn Snapshot,
    run: &[u8],
) -> Result<(), Rejection> {
    let Some(reference) = payload.reference() else { return Ok(()) };
    let PayloadReference { event_id, index, .. } = reference;
    let row = snapshot.get(PAYLOADS, &keys::payload(run, event_id, index))?;
    let missing = || Rejection::Corrupt(format!("payload {index} of event {event_id} is missing"));
    *payload = Payload::stored(row.ok_or_else(missing)?);
    Ok(())
}

/// As [`resolve`], for a failure's details.
pub(crate) fn resolve_failure(
    failure: &mut Failure,
    snapshot: &dyn Snapshot,
    run: &[u8],
) -> Result<(), Rejection> {
    resolve_each(|visit| visit_failure(failure, visit), snapshot, run)
}

/// Reads the payloads that an event refers to.
pub(super) fn resolve_event(
    event: &mut HistoryEvent,
    snapshot: &dyn Snapshot,
    run: &[u8],
) -> Result<(), Rejection> {
    resolve_each(|visit| event.visit_values(visit), snapshot, run)
}

fn resolve_each(
    values: impl FnOnce(&mut dyn FnMut(ValueMut<'_>)),
    snapshot: &dyn Snapshot,
    run: &[u8],
) -> Result<(), Rejection> {
    let mut resolved = Ok(());
    values(&mut |value| {
        if let (ValueMut::Payload(payload), Ok(())) = (value, &resolved) {
            resolved = resolve(payload, snapshot, run);
        }
    });
    resolved
}

/// What an event refers to.
pub(super) fn references(event: &mut HistoryEvent) -> Vec<PayloadReference> {
    let mut found = Vec::new();
    event.visit_values(&mut |value| {
        if let ValueMut::Payload(payload) = value {
            found.extend(payload.reference());
        }
    });
    found
}
