//! A page of events of one projection: read, fold, commit.
//!
//! Rows are read and folded off the loop, many at once; the loop only writes them. Nobody else
//! writes a projection's rows, so what a snapshot shows after the last step is the newest.
//!
//! Invariant: rows and checkpoint are one transaction, which refuses itself when the checkpoint is
//! not the one that was read, so each event counts once, whoever else runs and whenever the process
//! dies.

use std::sync::Arc;

use everstep_engine::log::{Direction, RecordedEvent};
use everstep_engine::{ActivityError, Engine, Rejection, RowSnapshot, TransactionContext};

use super::fold::{Changes, Refused, StepError, Work};
use super::quarantine::{self, Blocked};
use super::rows::{CHECKPOINTS, Checkpoint, PAUSES, ROWS, Shelf, checkpoint};
use super::{ProjectionCode, index};

/// Events of one step.
const BATCH_EVENTS: usize = 512;
/// Rows of one step; a transaction takes ten thousand writes.
const BATCH_ROWS: usize = 4_096;
/// Positions without an event of the projection after which its checkpoint is written all the same.
const WORTH_A_CHECKPOINT: u64 = 4_096;

/// What a step came to.
#[derive(Debug)]
pub(super) enum Stepped {
    /// There may be more.
    Moved(Checkpoint),
    /// Nothing to do: every event up to here is in the rows, whatever the checkpoint says.
    Idle(u64),
    /// It was told to wait.
    Paused,
    /// Its code has refused an event for the last time: the rest goes on.
    Quarantined,
}

/// Events that are folded and not written yet.
#[derive(Default)]
pub(crate) struct Folded {
    rows: Changes,
    /// Events of rows that are blocked.
    held: Vec<(String, u64)>,
    /// Every event up to here is among these, or none of the projection's.
    pub(crate) position: u64,
    /// Events of the projection.
    pub(crate) events: u64,
    /// Those that touch a row.
    pub(crate) touched: u64,
}

/// What comes after a position.
pub(crate) enum Page {
    /// Nothing, up to the newest position.
    Empty(u64),
    /// These.
    Folded(Folded),
}

/// Reads and folds at most `limit` events after a position.
pub(crate) fn fold_page(
    rows: &RowSnapshot,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    after: u64,
    limit: usize,
) -> Result<Page, StepError> {
    let log = rows.log();
    let newest = log.last_position().map_err(Rejection::from)?;
    let forwards = Direction::Forwards;
    let events = log.matching(&code.query, after + 1, forwards, limit).map_err(Rejection::from)?;
    let (Some(first), whole) = (events.first(), events.len() < limit) else {
        return Ok(Page::Empty(newest));
    };
    let blocked = quarantine::blocked(rows, shelf)?;
    let fold = |events: &[RecordedEvent]| fold(rows, (code, shelf), events, &blocked);
    match fold(&events) {
        Ok((mut folded, all)) => {
            if whole && all {
                folded.position = newest;
            }
            Ok(Page::Folded(folded))
        }
        // What comes before the event that is refused is kept.
        Err(StepError::Event(Refused { position, .. })) if first.position() < position => {
            let fine = events.partition_point(|event| event.position() < position);
            Ok(Page::Folded(fold(&events[..fine])?.0))
        }
        Err(error) => Err(error),
    }
}

/// Folds as many of the events as one transaction can write; whether these are all.
fn fold(
    rows: &RowSnapshot,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    events: &[RecordedEvent],
    blocked: &Blocked,
) -> Result<(Folded, bool), StepError> {
    let (mut work, mut folded) = (Work::default(), Folded::default());
    let mut taken = 0;
    for event in events {
        let keys = code.keys_of(event);
        folded.touched += u64::from(!keys.is_empty());
        for key in keys {
            match blocked.contains(&key) {
                true => folded.held.push((key, event.position())),
                false => work.add(key, event),
            }
        }
        (folded.position, taken) = (event.position(), taken + 1);
        // A row that moves in an index is two writes more.
        let writes = work.rows() * (1 + 2 * code.indexes.len()) + folded.held.len();
        if writes >= BATCH_ROWS {
            break;
        }
    }
    folded.events = taken as u64;
    folded.rows = work.fold(rows, (code, shelf))?;
    Ok((folded, taken == events.len()))
}

/// Writes rows that were folded from the events after a position.
pub(crate) fn write(
    tx: &mut TransactionContext<'_>,
    (code, shelf): (&ProjectionCode, Shelf<'_>),
    after: u64,
    folded: &Folded,
) -> Result<(), ActivityError> {
    index::begin(tx, (code, shelf), after)?;
    for (key, change) in &folded.rows {
        let states = [&change.before, &change.after].map(|row| row.as_ref().map(|row| &row.state));
        index::keep(tx, (code, shelf), key, states[0], states[1])?;
        match &change.after {
            Some(row) => tx.put(ROWS, &shelf.key(key), row)?,
            None => tx.delete(ROWS, &shelf.key(key))?,
        }
    }
    for (key, position) in &folded.held {
        quarantine::hold(tx, shelf, key, *position)?;
    }
    Ok(())
}

enum Read {
    Nothing(Stepped),
    Folded(Folded, Checkpoint),
    Refused(Refused, Checkpoint),
}

/// Makes a step of the rows that are read.
pub(super) async fn step(
    engine: &Engine,
    namespace: &str,
    code: &Arc<ProjectionCode>,
    seen: u64,
) -> Result<Stepped, StepError> {
    let read = {
        let (engine, namespace, code) = (engine.clone(), namespace.to_owned(), Arc::clone(code));
        let read = move || read(&engine.rows(&namespace)?, &code, seen);
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| StepError::Engine(error.to_string()))??
    };
    let name = code.name;
    let (folded, before) = match read {
        Read::Nothing(stepped) => return Ok(stepped),
        Read::Folded(folded, before) => (folded, before),
        Read::Refused(refused, before) => {
            let shelf = before.shelf(name);
            return match quarantine::refuse(engine, namespace, shelf, &refused).await? {
                true => Ok(Stepped::Quarantined),
                false => Err(StepError::Event(refused)),
            };
        }
    };
    let code = Arc::clone(code);
    let committed = engine.transact(namespace, move |tx| {
        let found = tx.get(CHECKPOINTS, name)?.unwrap_or_default();
        tx.assert(found == before, "the projection's checkpoint is the one that was read")?;
        write(tx, (&code, before.shelf(name)), before.position, &folded)?;
        let (position, events) = (folded.position, before.events + folded.touched);
        let after = Checkpoint { position, events, at_ms: tx.now().as_millis(), ..before };
        tx.put(CHECKPOINTS, name, &after)?;
        Ok(after)
    });
    match committed.await {
        Ok(after) => Ok(Stepped::Moved(after)),
        Err(error) => Err(StepError::Engine(error.to_string())),
    }
}

fn read(rows: &RowSnapshot, code: &ProjectionCode, seen: u64) -> Result<Read, StepError> {
    if rows.get(PAUSES, code.name)?.is_some() {
        return Ok(Read::Nothing(Stepped::Paused));
    }
    let before = checkpoint(rows, code.name)?;
    let after = before.position.max(seen);
    match fold_page(rows, (code, before.shelf(code.name)), after, BATCH_EVENTS) {
        Ok(Page::Folded(folded)) => Ok(Read::Folded(folded, before)),
        Ok(Page::Empty(newest)) if newest - before.position >= WORTH_A_CHECKPOINT => {
            Ok(Read::Folded(Folded { position: newest, ..Folded::default() }, before))
        }
        Ok(Page::Empty(newest)) => Ok(Read::Nothing(Stepped::Idle(newest))),
        Err(StepError::Event(refused)) => Ok(Read::Refused(refused, before)),
        Err(error) => Err(error),
    }
}
