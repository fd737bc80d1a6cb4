//! What an integration projection tells other contexts: its rows, as events, whenever they change.
//!
//! ```text
//! events ──► rows and checkpoint ──► the rows that these touched: one event each, in the stream
//!            (one transaction)        `PROJECTION:KEY`, and how far all are told (one transaction)
//! ```
//!
//! An event carries the whole row as it is when it is told, `null` for one that is gone. Changes that
//! come together are told once, and a row that says what was told last is not told again; after a
//! rebuild all rows are gone through, so that whoever was told what is not so any more hears of it.
//!
//! Invariant: events and how far all are told stand in one transaction, so that nothing is told
//! twice or left out, whenever the process dies.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::log::{
    Append, Category, Direction, Expected, NewEvent, RecordedEvent, StreamId,
};
use everstep_engine::{ActivityError, Engine, Rejection, RowSnapshot, Table, TransactionContext};
use serde::{Deserialize, Serialize};

use super::ProjectionCode;
use super::fold::StepError;
use super::rows::{CHECKPOINTS, Checkpoint, ROWS, Shelf, checkpoint};

/// How far each projection has told its rows.
const TOLD: Table<Told> = Table::new("everstep", "projection_told");
/// Events that are looked at for one transaction.
const EVENTS_AT_ONCE: usize = 256;
/// Rows after which no other event is looked at.
const ROWS_AT_ONCE: usize = 512;

/// How far a projection has told its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// Rows that are touched by events up to here are told.
    position: u64,
    /// Of which rows.
    generation: u32,
}

/// How far other contexts are told of a projection's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// The type of the events that tell of them.
    pub event_type: &'static str,
    /// Rows that are touched by events up to here are told.
    pub position: u64,
    /// How many events the rows are ahead of what is told.
    pub lag: u64,
}

/// How far the rows of a projection that publishes are told.
pub(super) fn telling(
    rows: &RowSnapshot,
    code: &ProjectionCode,
) -> Result<Option<Telling>, Rejection> {
    let Some(event_type) = code.publishes else { return Ok(None) };
    let read = checkpoint(rows, code.name)?;
    let position = told_of(read, rows.get(TOLD, code.name)?).position;
    let lag = read.position.saturating_sub(position);
    Ok(Some(Telling { event_type, position, lag }))
}

/// What of the rows that are read is told. Those of another generation may say something else about
/// any event.
fn told_of(read: Checkpoint, found: Option<Told>) -> Told {
    found.filter(|told| told.generation == read.generation).unwrap_or_default()
}

/// Rows that are to be told.
struct Untold {
    found: Option<Told>,
    then: Told,
    /// With what the last event that touched it belongs to.
    rows: BTreeMap<String, Option<Box<str>>>,
}

/// Tells of rows that have changed; whether there may be more.
pub(super) async fn tell(
    engine: &Engine,
    namespace: &str,
    code: &Arc<ProjectionCode>,
) -> Result<bool, StepError> {
    if code.publishes.is_none() {
        return Ok(false);
    }
    let read = {
        let (engine, namespace, code) = (engine.clone(), namespace.to_owned(), Arc::clone(code));
        let read = move || untold(&engine.rows(&namespace)?, &code);
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| StepError::Engine(error.to_string()))??
    };
    let Some(Untold { found, then, rows }) = read else { return Ok(false) };
    let code = Arc::clone(code);
    let told = engine.transact(namespace, move |tx| {
        let read = tx.get(CHECKPOINTS, code.name)?.unwrap_or_default();
        let same = tx.get(TOLD, code.name)? == found && read.generation == then.generation;
        tx.assert(same, "the rows that are told are those that were read")?;
        for (key, correlation) in rows {
            publish(tx, (&code, read.shelf(code.name)), &key, correlation)?;
        }
        tx.put(TOLD, code.name, &then)
    });
    told.await.map_err(|error| StepError::Engine(error.to_string()))?;
    Ok(true)
}

/// Which rows are touched by events that the rows hold and nobody was told of.
fn untold(rows: &RowSnapshot, code: &ProjectionCode) -> Result<Option<Untold>, Rejection> {
    let read = checkpoint(rows, code.name)?;
    let found = rows.get(TOLD, code.name)?;
    let told = told_of(read, found);
    if told.position >= read.position {
        return Ok(None);
    }
    let (after, forwards) = (told.position + 1, Direction::Forwards);
    let events = rows.log().matching(&code.query, after, forwards, EVENTS_AT_ONCE)?;
    let (mut touched, mut reached) = (BTreeMap::new(), read.position);
    let whole = events.len() < EVENTS_AT_ONCE;
    for event in events.iter().take_while(|event| event.position() <= read.position) {
        let correlation = event.correlation_id().map(Into::into);
        touched.extend(code.keys_of(event).into_iter().map(|key| (key, correlation.clone())));
        if touched.len() >= ROWS_AT_ONCE {
            reached = event.position();
            break;
        }
    }
    if let (false, Some(last)) = (whole, events.last()) {
        reached = reached.min(last.position());
    }
    let then = Told { position: reached, generation: read.generation };
    Ok(Some(Untold { found, then, rows: touched }))
}

/// Tells of a row as the transaction sees it, unless that was told last.
pub(super) fn publish(
    tx: &mut TransactionContext<'_>,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    key: &str,
    correlation_id: Option<Box<str>>,
) -> Result<(), ActivityError> {
    let Some(event_type) = code.publishes else { return Ok(()) };
    let row = tx.get(ROWS, &shelf.key(key))?;
    let stream = StreamId::new(code.name, key);
    let version = tx.stream_head(&stream)?.events;
    let before = match version {
        0 => None,
        _ => tx.read_stream(&stream, version - 1, 1)?.into_iter().next(),
    };
    let data = row.as_ref().map_or("null", |row| row.state.as_str()).as_bytes();
    if data == before.as_ref().map_or(&b"null"[..], RecordedEvent::data) {
        return Ok(());
    }
    let mut event = NewEvent::new(event_type, data.to_vec());
    (event.category, event.correlation_id) = (Category::Integration, correlation_id);
    event.schema_version = code.contract.and_then(version_of).unwrap_or_default();
    tx.append(Append::to(stream, Expected::Version(version), vec![event])).map(drop)
}

/// The version that a contract names at its end: 2 of `orderStatusForShipping v2`.
fn version_of(contract: &str) -> Option<u32> {
    contract.rsplit_once(" v")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_says_its_version_at_its_end() {
        let of = ["orders v2", "orders v12", "orders", "orders v", "v3 orders"].map(version_of);
        assert_eq!(of, [Some(2), Some(12), None, None, None]);
    }
}
