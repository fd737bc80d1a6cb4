//! One step of a projection that is kept from a checkpoint: read, fold, commit.
//!
//! Rows are read and folded off the loop, many at once; the loop only writes them. Nobody else
//! writes a projection's rows, so what a snapshot shows after the last step is the newest.
//!
//! Invariants: rows and checkpoint are one transaction, which refuses itself when the checkpoint is
//! not the one that was read, so each event counts once, whoever else runs and whenever the process
//! dies; a row sees its events in their order, because one thread folds it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::thread;

use everstep_engine::log::{Direction, RecordedEvent};
use everstep_engine::{Engine, Rejection, RowSnapshot};

use super::rows::{CHECKPOINTS, Checkpoint, PAUSES, ROWS, StoredRow, checkpoint, row, row_key};
use super::{ProjectionCode, index};

/// Events of one step.
const BATCH_EVENTS: usize = 512;
/// Rows of one step; a transaction takes ten thousand writes.
const BATCH_ROWS: usize = 4_096;
/// Rows below which one thread is enough.
const WORTH_A_THREAD: usize = 32;
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
}

/// Why a step failed; the projection tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// Its code refuses an event.
    #[error("at position {position}: {why}")]
    Event {
        /// Which one.
        position: u64,
        /// Why.
        why: String,
    },
    /// The engine did not take it.
    #[error("{0}")]
    Engine(String),
}

impl From<Rejection> for StepError {
    fn from(rejection: Rejection) -> Self {
        Self::Engine(rejection.to_string())
    }
}

/// What a row was, where somebody asks for that, and becomes.
struct Change {
    before: Option<StoredRow>,
    after: Option<StoredRow>,
}

/// What a step will write.
struct Folded {
    rows: BTreeMap<String, Change>,
    before: Checkpoint,
    after: Checkpoint,
}

enum Read {
    Nothing(Stepped),
    Folded(Folded),
}

/// Makes a step.
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
    let Folded { rows, before, after } = match read {
        Read::Nothing(stepped) => return Ok(stepped),
        Read::Folded(folded) => folded,
    };
    let (name, code) = (code.name, Arc::clone(code));
    let committed = engine.transact(namespace, move |tx| {
        let found = tx.get(CHECKPOINTS, name)?.unwrap_or_default();
        tx.assert(found == before, "the projection's checkpoint is the one that was read")?;
        index::begin(tx, &code, before.position)?;
        for (key, Change { before, after }) in &rows {
            let states = [before, after].map(|row| row.as_ref().map(|row| &row.state));
            index::keep(tx, &code, key, states[0], states[1])?;
            match after {
                Some(row) => tx.put(ROWS, &row_key(name, key), row)?,
                None => tx.delete(ROWS, &row_key(name, key))?,
            }
        }
        let after = Checkpoint { at_ms: tx.now().as_millis(), ..after };
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
    let log = rows.log();
    let newest = log.last_position().map_err(Rejection::from)?;
    let from = before.position.max(seen) + 1;
    let forwards = Direction::Forwards;
    let events =
        log.matching(&code.query, from, forwards, BATCH_EVENTS).map_err(Rejection::from)?;
    if events.is_empty() {
        let worth = newest.saturating_sub(before.position) >= WORTH_A_CHECKPOINT;
        let after = Checkpoint { position: newest, ..before };
        return Ok(match worth {
            true => Read::Folded(Folded { rows: BTreeMap::new(), before, after }),
            false => Read::Nothing(Stepped::Idle(newest)),
        });
    }
    let whole = events.len() < BATCH_EVENTS;
    let mut work = Work::default();
    let mut taken = events.len();
    for (at, event) in events.iter().enumerate() {
        work.add(code.keys_of(event), event);
        // A row that moves in an index is two writes more.
        if work.rows() >= BATCH_ROWS / (1 + 2 * code.indexes.len()) {
            taken = at + 1;
            break;
        }
    }
    let last = events[taken - 1].position();
    let position = if whole && taken == events.len() { newest } else { last };
    let folded = work.fold(rows, code);
    let (rows, position, touched) = match folded {
        Ok(folded) => (folded, position, work.touched),
        // What comes before the event that is refused is kept.
        Err(StepError::Event { position, .. }) if events[0].position() < position => {
            let mut fine = Work::default();
            for event in events.iter().take_while(|event| event.position() < position) {
                fine.add(code.keys_of(event), event);
            }
            (fine.fold(rows, code)?, position - 1, fine.touched)
        }
        Err(error) => return Err(error),
    };
    let after = Checkpoint { position, events: before.events + touched, ..before };
    Ok(Read::Folded(Folded { rows, before, after }))
}

/// Events by the row that they touch.
#[derive(Default)]
struct Work<'a> {
    by_row: BTreeMap<String, Vec<&'a RecordedEvent>>,
    touched: u64,
}

impl<'a> Work<'a> {
    fn add(&mut self, keys: Vec<String>, event: &'a RecordedEvent) {
        self.touched += u64::from(!keys.is_empty());
        for key in keys {
            self.by_row.entry(key).or_default().push(event);
        }
    }

    fn rows(&self) -> usize {
        self.by_row.len()
    }

    /// Folds all rows, in as many threads as are worth it. Of several events that are refused the
    /// first one counts.
    fn fold(
        &self,
        rows: &RowSnapshot,
        code: &ProjectionCode,
    ) -> Result<BTreeMap<String, Change>, StepError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let partitions = cores.min(self.rows() / WORTH_A_THREAD).max(1);
        let mut parts: Vec<Vec<RowWork<'_>>> = (0..partitions).map(|_| Vec::new()).collect();
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        for (key, events) in &self.by_row {
            let at = usize::try_from(hasher.hash_one(key) % partitions as u64).unwrap_or(0);
            if let Some(part) = parts.get_mut(at) {
                part.push(RowWork { key, events, row: row(rows, code.name, key)? });
            }
        }
        let mut outcomes = Vec::with_capacity(partitions);
        if partitions == 1 {
            outcomes.extend(parts.into_iter().map(|part| fold_part(part, code)));
        } else {
            thread::scope(|scope| {
                let threads: Vec<_> =
                    parts.into_iter().map(|part| scope.spawn(|| fold_part(part, code))).collect();
                outcomes.extend(threads.into_iter().map(|thread| {
                    let died = || StepError::Engine("a thread that folded rows died".to_owned());
                    thread.join().unwrap_or_else(|_| Err(died()))
                }));
            });
        }
        let mut folded = BTreeMap::new();
        let mut failed: Option<StepError> = None;
        for outcome in outcomes {
            match outcome {
                Ok(part) => folded.extend(part),
                Err(error) => failed = Some(earlier(failed, error)),
            }
        }
        failed.map_or(Ok(folded), Err)
    }
}

fn earlier(one: Option<StepError>, other: StepError) -> StepError {
    match (one, other) {
        (Some(StepError::Event { position, why }), StepError::Event { position: at, .. })
            if position <= at =>
        {
            StepError::Event { position, why }
        }
        (Some(StepError::Engine(why)), _) => StepError::Engine(why),
        (_, other) => other,
    }
}

/// A row, and what happens to it.
struct RowWork<'a> {
    key: &'a str,
    events: &'a [&'a RecordedEvent],
    row: Option<StoredRow>,
}

fn fold_part(
    part: Vec<RowWork<'_>>,
    code: &ProjectionCode,
) -> Result<Vec<(String, Change)>, StepError> {
    let mut folded = Vec::with_capacity(part.len());
    let mut failed = None;
    for RowWork { key, events, row } in part {
        // Only an index asks what was there before.
        let before = row.clone().filter(|_| !code.indexes.is_empty());
        match fold_row(key, row, events, code) {
            Ok(after) => folded.push((key.to_owned(), Change { before, after })),
            Err(error) => failed = Some(earlier(failed, error)),
        }
    }
    failed.map_or(Ok(folded), Err)
}

/// What becomes of one row.
pub(super) fn fold_row(
    key: &str,
    row: Option<StoredRow>,
    events: &[&RecordedEvent],
    code: &ProjectionCode,
) -> Result<Option<StoredRow>, StepError> {
    let mut row = row;
    for event in events {
        let position = event.position();
        let next = code.evolve(key, row.as_ref().map(|row| &row.state), event);
        let next = next.map_err(|why| StepError::Event { position, why })?;
        row = next.map(|state| StoredRow { position, state });
    }
    Ok(row)
}
