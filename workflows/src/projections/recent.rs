//! A row as it is durable, and the events that are not in it yet: what a client begins with that
//! folds them itself.
//!
//! Invariant: both are of one snapshot, so no event is in both or in neither.

use everstep_engine::log::RecordedEvent;
use everstep_engine::{Payload, Rejection, RowSnapshot};

use super::quarantine;
use super::view::{Pending, all_pending_events};
use super::{ProjectionCode, rows};

/// A durable row, and the events after it.
#[derive(Clone, Debug)]
pub struct RecentRow {
    /// Its key.
    pub key: String,
    /// What the durable row holds; none where there is no row.
    pub state: Option<Payload>,
    /// The last event that changed the durable row; 0 where none did.
    pub position: u64,
    /// Every event up to here is in the durable rows.
    pub durable_position: u64,
    /// The newest event of the namespace: follow on from here.
    pub last_position: u64,
    /// The row's events after `durable_position`, in order, in the newest version of their schemas.
    pub events: Vec<RecordedEvent>,
}

/// None where more events wait than are folded.
pub(super) fn read(
    snapshot: &RowSnapshot,
    code: &ProjectionCode,
    key: &str,
) -> Result<Option<RecentRow>, Rejection> {
    let checkpoint = rows::checkpoint(snapshot, code.name)?;
    let shelf = checkpoint.shelf(code.name);
    let row = shelf.row(snapshot, key)?;
    let Some(events) = all_pending_events(snapshot, code, checkpoint)? else { return Ok(None) };
    let blocked = match events.is_empty() {
        true => quarantine::Blocked::new(),
        false => quarantine::blocked(snapshot, shelf)?,
    };
    let pending = Pending::of(code, &events, &blocked);
    let events = pending.of_row(key).iter().map(|event| code.newest_or_stored(event));
    Ok(Some(RecentRow {
        key: key.to_owned(),
        position: row.as_ref().map_or(0, |row| row.position),
        state: row.map(|row| row.state),
        durable_position: checkpoint.position,
        last_position: snapshot.log().last_position()?,
        events: events.collect(),
    }))
}
