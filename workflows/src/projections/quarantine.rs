//! Events that a projection's code refuses, again and again: set aside with the row that they are
//! for, so that everything else goes on.
//!
//! ```text
//! refused once, twice ──► tried again, with a growing pause
//! refused a third time ─► quarantined: its row is blocked, all other rows go on
//!                         later events of the row wait in the order of their positions
//! unquarantine ─────────► the event and what waits behind it, in order; the record goes
//! ignore ───────────────► the same without the event
//! ```
//!
//! Invariants: a row never shows an event without those of it that came before, unless somebody has
//! said so with `ignore`; an event of a blocked row stands in the list of those that wait in the
//! transaction that passes it by.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstep_engine::log::RecordedEvent;
use everstep_engine::{
    ActivityError, Engine, Keys, Rejection, RowSnapshot, Table, Timestamp, TransactError,
    TransactionContext,
};
use serde::{Deserialize, Serialize};

use super::fold::{Refused, StepError, fold_row};
use super::rows::{CHECKPOINTS, ROWS, Shelf, StoredRow, checkpoint};
use super::{ProjectionCode, ProjectionError, index, telling};

/// How often an event is refused before it is set aside.
const ATTEMPTS: u32 = 3;
/// Rows that may be blocked. With more, it is the code that is wrong: the projection stops until
/// it is mended and rebuilt.
const MOST_BLOCKED: usize = 1_000;
/// Events that are reprocessed in one transaction.
const REPROCESSED_AT_ONCE: usize = 100;
/// Events that are counted for whoever looks at the list.
const MOST_COUNTED: usize = 1_000;

/// Blocked rows, by shelf and key.
pub(crate) const BLOCKED: Table<Quarantined> = Table::new("everstep", "projection_quarantine");
/// Events of blocked rows, by shelf, key and position.
pub(crate) const HELD: Table<()> = Table::new("everstep", "projection_held");
/// The event that a projection's code refuses right now, by shelf.
pub(crate) const REFUSALS: Table<Refusals> = Table::new("everstep", "projection_refusals");

/// The rows of a shelf that are blocked.
pub(super) type Blocked = BTreeSet<String>;

/// An event that was set aside, with the row that it blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = QuarantinedEvent))]
pub struct Quarantined {
    /// The event's position.
    pub position: u64,
    /// What happened.
    pub event_type: String,
    /// The row that it is for, and that waits with all later events of it.
    pub key: String,
    /// Why the projection's code refuses it.
    pub error: String,
    /// How often it has done so.
    pub attempts: u32,
    /// When it was set aside.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub quarantined_at: Timestamp,
    /// Later events of the row that wait; at most 1,000 are counted.
    #[serde(default)]
    pub waiting: u64,
}

/// How often an event was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    position: u64,
    key: String,
    attempts: u32,
}

/// The key of an event that waits. The length first: no row's events lie among another's.
fn held_key(shelf: Shelf<'_>, key: &str, position: Option<u64>) -> String {
    let position = position.map_or_else(String::new, |position| format!("{position:020}"));
    shelf.key(&format!("{}:{key}/{position}", key.len()))
}

/// Which rows are blocked.
pub(super) fn blocked(rows: &RowSnapshot, shelf: Shelf<'_>) -> Result<Blocked, Rejection> {
    let own = shelf.key("");
    let found = rows.range(BLOCKED, &Keys::prefix(own.as_str()).limit(MOST_BLOCKED))?;
    Ok(found.into_iter().map(|(key, _)| key[own.len()..].to_owned()).collect())
}

/// Whether a row is blocked, as a transaction sees it.
pub(crate) fn is_blocked(
    tx: &TransactionContext<'_>,
    shelf: Shelf<'_>,
    key: &str,
) -> Result<bool, ActivityError> {
    Ok(tx.get(BLOCKED, &shelf.key(key))?.is_some())
}

/// An event waits, because its row is blocked.
pub(crate) fn hold(
    tx: &mut TransactionContext<'_>,
    shelf: Shelf<'_>,
    key: &str,
    position: u64,
) -> Result<(), ActivityError> {
    let is_blocked = is_blocked(tx, shelf, key)?;
    tx.assert(is_blocked, "the row is blocked, as it was when the events were read")?;
    tx.put(HELD, &held_key(shelf, key, Some(position)), &())
}

/// Counts a refusal; the last one sets the event aside. Whether it did.
pub(crate) async fn refuse(
    engine: &Engine,
    namespace: &str,
    shelf: Shelf<'_>,
    refused: &Refused,
) -> Result<bool, StepError> {
    let event_type = {
        let event = engine.rows(namespace)?.log().event(refused.position);
        let event = event.map_err(Rejection::from)?;
        event.map(|event| event.event_type().to_owned()).unwrap_or_default()
    };
    let (own, place) = (shelf.key(""), shelf.key(&refused.key));
    let found = refused.clone();
    let counted = engine.transact(namespace, move |tx| {
        let Refused { position, key, why } = found;
        let before = tx.get(REFUSALS, &own)?;
        let before = before.filter(|before| (before.position, &before.key) == (position, &key));
        let attempts = before.map_or(0, |before| before.attempts) + 1;
        if attempts < ATTEMPTS || is_full(tx, &own)? {
            tx.put(REFUSALS, &own, &Refusals { position, key, attempts })?;
            return Ok(false);
        }
        let quarantined_at = tx.now();
        let error = why;
        let (event_type, waiting) = (event_type, 0);
        let record =
            Quarantined { position, event_type, key, error, attempts, quarantined_at, waiting };
        tx.put(BLOCKED, &place, &record)?;
        tx.delete(REFUSALS, &own)?;
        Ok(true)
    });
    let is_out = counted.await.map_err(|error| StepError::Engine(error.to_string()))?;
    if is_out {
        let Refused { position, key, why } = refused;
        let projection = shelf.projection;
        tracing::error!(projection, namespace, position, key, why, "an event is quarantined");
    }
    Ok(is_out)
}

fn is_full(tx: &TransactionContext<'_>, own: &str) -> Result<bool, ActivityError> {
    Ok(tx.range(BLOCKED, &Keys::prefix(own).limit(MOST_BLOCKED))?.len() == MOST_BLOCKED)
}

/// How many events of a projection are quarantined.
pub(super) fn count(rows: &RowSnapshot, shelf: Shelf<'_>) -> Result<u64, Rejection> {
    Ok(rows.range(BLOCKED, &Keys::prefix(shelf.key("")).limit(MOST_BLOCKED))?.len() as u64)
}

/// What is quarantined of a projection, in the order of the positions.
pub(super) fn list(rows: &RowSnapshot, shelf: Shelf<'_>) -> Result<Vec<Quarantined>, Rejection> {
    let found = rows.range(BLOCKED, &Keys::prefix(shelf.key("")).limit(MOST_BLOCKED))?;
    let mut all = Vec::with_capacity(found.len());
    for (_, record) in found {
        let held = Keys::prefix(held_key(shelf, &record.key, None)).limit(MOST_COUNTED);
        let held = rows.range(HELD, &held)?.len() as u64;
        // The event itself is the first of those.
        all.push(Quarantined { waiting: held.saturating_sub(1), ..record });
    }
    all.sort_by_key(|record| record.position);
    Ok(all)
}

/// What is done about a quarantined event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It is tried again, and what waits behind it.
    Reprocess,
    /// It is left out for good; what waits behind it is taken in.
    Ignore,
}

/// One row on its way out of the quarantine.
struct Draining<'p> {
    code: &'p Arc<ProjectionCode>,
    shelf: Shelf<'p>,
    key: &'p str,
    release: Release,
}

/// Takes in the event at a position, for every row that it blocks, and what waits behind it. How
/// many events that were.
pub(super) async fn release(
    engine: &Engine,
    namespace: &str,
    code: &Arc<ProjectionCode>,
    position: u64,
    release: Release,
) -> Result<u64, ProjectionError> {
    let (generation, records) = {
        let rows = engine.rows(namespace)?;
        let shelf = checkpoint(&rows, code.name)?.shelf(code.name);
        (shelf.generation, list(&rows, shelf)?)
    };
    let shelf = Shelf { projection: code.name, generation };
    let wanted = records.into_iter().filter(|record| record.position == position);
    let keys: Vec<String> = wanted.map(|record| record.key).collect();
    if keys.is_empty() {
        return Err(ProjectionError::NotQuarantined { name: code.name.to_owned(), position });
    }
    let mut events = 0;
    for key in &keys {
        let draining = Draining { code, shelf, key, release };
        loop {
            let (taken, done) = draining.some(engine, namespace, position).await?;
            events += taken;
            if done {
                break;
            }
        }
    }
    Ok(events)
}

impl Draining<'_> {
    /// Takes in a few of the events that wait, in order; how many, and whether these were all.
    async fn some(
        &self,
        engine: &Engine,
        namespace: &str,
        first: u64,
    ) -> Result<(u64, bool), ProjectionError> {
        let Self { code, shelf, key, release } = *self;
        let (record, row, held, events) = {
            let rows = engine.rows(namespace)?;
            let Some(record) = rows.get(BLOCKED, &shelf.key(key))? else { return Ok((0, true)) };
            let keys = Keys::prefix(held_key(shelf, key, None)).limit(REPROCESSED_AT_ONCE);
            let held: Vec<String> =
                rows.range(HELD, &keys)?.into_iter().map(|(key, ())| key).collect();
            let events = events_of(&rows, &held)?;
            (record, shelf.row(&rows, key)?, held, events)
        };
        let begun = events.first().is_some_and(|event| event.position() <= first);
        if release == Release::Ignore && record.position == first && !begun {
            let what = format!("event {first} is on its way into the quarantine: try again");
            return Err(Rejection::Unavailable(what).into());
        }
        let skipped =
            |event: &&RecordedEvent| release == Release::Reprocess || event.position() != first;
        let (mut after, mut taken, mut refused) = (row.clone(), 0, None);
        for event in &events {
            match Some(event).filter(skipped).map(|it| fold_row(key, after.clone(), &[it], code)) {
                None => {}
                Some(Ok(next)) => after = next,
                Some(Err(why)) => {
                    refused = Some((why, event.event_type().to_owned()));
                    break;
                }
            }
            taken += 1;
        }
        let what_waits = held_key(shelf, key, None);
        let (name, generation, key) = (code.name, shelf.generation, key.to_owned());
        let (code, refusal) = (Arc::clone(code), refused.clone());
        let written = engine.transact(namespace, move |tx| {
            let shelf = Shelf { projection: name, generation };
            let place = shelf.key(&key);
            let same = tx.get(BLOCKED, &place)?.is_some_and(|found| found == record);
            tx.assert(same, "the row is blocked by the event that was read")?;
            let found: Option<StoredRow> = tx.get(ROWS, &place)?;
            tx.assert(found == row, "the row is the one that was read")?;
            let states = [&row, &after].map(|row| row.as_ref().map(|row| &row.state));
            index::keep(tx, (&code, shelf), &key, states[0], states[1])?;
            match &after {
                Some(row) => tx.put(ROWS, &place, row)?,
                None => tx.delete(ROWS, &place)?,
            }
            let read = tx.get(CHECKPOINTS, name)?.unwrap_or_default();
            if read.generation == generation {
                telling::publish(tx, (&code, shelf), &key, None)?;
            }
            held[..taken].iter().try_for_each(|key| tx.delete(HELD, key))?;
            if let Some((Refused { position, why, .. }, event_type)) = refusal {
                let attempts = if position == record.position { record.attempts + 1 } else { 1 };
                let record = Quarantined { position, event_type, error: why, attempts, ..record };
                tx.put(BLOCKED, &place, &record)?;
                return Ok(true);
            }
            let done = tx.range(HELD, &Keys::prefix(what_waits).limit(1))?.is_empty();
            if done {
                tx.delete(BLOCKED, &place)?;
            }
            Ok(done)
        });
        let done = match written.await {
            Ok(done) => done,
            // Somebody else was there meanwhile: look again.
            Err(TransactError::Failed(error)) if error.kind() == "assertion_failed" => {
                return Ok((0, false));
            }
            Err(TransactError::Rejected(rejection)) => return Err(rejection.into()),
            Err(error) => return Err(Rejection::Unavailable(error.to_string()).into()),
        };
        match refused {
            Some((Refused { position, why, .. }, _)) => {
                Err(ProjectionError::StillRefused { name: name.to_owned(), position, why })
            }
            None => Ok((taken as u64, done)),
        }
    }
}

/// The events of a list of those that wait.
fn events_of(rows: &RowSnapshot, held: &[String]) -> Result<Vec<RecordedEvent>, Rejection> {
    let log = rows.log();
    let mut events = Vec::with_capacity(held.len());
    for key in held {
        let position = key.rsplit('/').next().and_then(|text| text.parse().ok());
        let missing = || Rejection::Corrupt(format!("a waiting event's key: {key}"));
        events.push(log.event(position.ok_or_else(missing)?)?.ok_or_else(missing)?);
    }
    Ok(events)
}
