//! Rows and the events that touch them, folded in as many threads as are worth it.
//!
//! Invariant: a row sees its events in their order, because one thread folds it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::thread;

use everstep_engine::log::RecordedEvent;
use everstep_engine::{Rejection, RowSnapshot};

use super::ProjectionCode;
use super::rows::{Shelf, StoredRow};

/// Rows below which one thread is enough.
const WORTH_A_THREAD: usize = 32;

/// Why a step failed; the projection tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// Its code refuses an event.
    #[error("at position {}: {}", .0.position, .0.why)]
    Event(Refused),
    /// The engine did not take it.
    #[error("{0}")]
    Engine(String),
}

/// An event that a projection's code refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Which one.
    pub(crate) position: u64,
    /// The row that it was for.
    pub(crate) key: String,
    /// Why.
    pub(crate) why: String,
}

impl From<Rejection> for StepError {
    fn from(rejection: Rejection) -> Self {
        Self::Engine(rejection.to_string())
    }
}

/// What a row was, where somebody asks for that, and becomes.
pub(crate) struct Change {
    pub(crate) before: Option<StoredRow>,
    pub(crate) after: Option<StoredRow>,
}

/// Rows by key, with what becomes of them.
pub(crate) type Changes = BTreeMap<String, Change>;

/// Events by the row that they touch.
#[derive(Default)]
pub(super) struct Work<'a> {
    by_row: BTreeMap<String, Vec<&'a RecordedEvent>>,
}

impl<'a> Work<'a> {
    pub(super) fn add(&mut self, key: String, event: &'a RecordedEvent) {
        self.by_row.entry(key).or_default().push(event);
    }

    pub(super) fn rows(&self) -> usize {
        self.by_row.len()
    }

    /// Folds all rows. Of several events that are refused the first one counts.
    pub(super) fn fold(
        &self,
        rows: &RowSnapshot,
        (code, shelf): (&ProjectionCode, Shelf<'_>),
    ) -> Result<Changes, StepError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let partitions = cores.min(self.rows() / WORTH_A_THREAD).max(1);
        let mut parts: Vec<Vec<RowWork<'_>>> = (0..partitions).map(|_| Vec::new()).collect();
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        for (key, events) in &self.by_row {
            let at = usize::try_from(hasher.hash_one(key) % partitions as u64).unwrap_or(0);
            if let Some(part) = parts.get_mut(at) {
                part.push(RowWork { key, events, row: shelf.row(rows, key)? });
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
        (Some(StepError::Event(first)), StepError::Event(second))
            if first.position <= second.position =>
        {
            StepError::Event(first)
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
            Err(refused) => failed = Some(earlier(failed, StepError::Event(refused))),
        }
    }
    failed.map_or(Ok(folded), Err)
}

/// What becomes of one row.
pub(crate) fn fold_row(
    key: &str,
    row: Option<StoredRow>,
    events: &[&RecordedEvent],
    code: &ProjectionCode,
) -> Result<Option<StoredRow>, Refused> {
    let mut row = row;
    for event in events {
        let position = event.position();
        let next = code.evolve(key, row.as_ref().map(|row| &row.state), event);
        let next = next.map_err(|why| Refused { position, key: key.to_owned(), why })?;
        row = next.map(|state| StoredRow { position, state });
    }
    Ok(row)
}
