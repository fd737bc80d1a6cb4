//! Sets of runs in the order of their ids, which can be entered anywhere.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Bound;

use bytes::Bytes;
use everstep_storage::{Range, Snapshot, Table};

use crate::runtime::index::started_in;
use crate::runtime::keys::{self, OPEN_RUNS, RUNS, STARTED};
use crate::runtime::{RunRecord, stored_run};
use crate::{Rejection, RunId};

/// What reading a run's row costs, counted in rows of a range.
const ROW_BY_KEY: usize = 3;
/// Rows that are read at once, at least and at most.
const FEWEST: usize = 4;
const MOST: usize = 256;

/// Reads on behalf of one request, and counts.
pub(super) struct Reader<'a> {
    snapshot: &'a dyn Snapshot,
    pub(super) namespace: &'a str,
    pub(super) descending: bool,
    left: Cell<usize>,
}

/// A run that a source offers.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) run_id: RunId,
    /// Its stored row, where the source has it.
    pub(super) row: Option<Bytes>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        snapshot: &'a dyn Snapshot,
        namespace: &'a str,
        descending: bool,
        rows: usize,
    ) -> Self {
        Self { snapshot, namespace, descending, left: Cell::new(rows) }
    }

    /// Whether it has read as much as one request may.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    pub(super) fn spend(&self, rows: usize) {
        self.left.set(self.left.get().saturating_sub(rows));
    }

    pub(super) fn range(&self, range: Range<'_>) -> Result<Vec<(Bytes, Bytes)>, Rejection> {
        let range = if self.descending { range.reversed() } else { range };
        let rows = self.snapshot.range(range)?;
        self.spend(rows.len() + 1);
        Ok(rows)
    }

    /// As [`Reader::range`], ascending whatever the order of the list.
    pub(super) fn ascending(&self, range: Range<'_>) -> Result<Vec<(Bytes, Bytes)>, Rejection> {
        let rows = self.snapshot.range(range)?;
        self.spend(rows.len() + 1);
        Ok(rows)
    }

    /// The run's record; none if it is gone.
    pub(super) fn record(&self, candidate: &Candidate) -> Result<Option<RunRecord>, Rejection> {
        let row = match &candidate.row {
            Some(row) => Some(row.clone()),
            None => {
                self.spend(ROW_BY_KEY);
                stored_run(self.snapshot, self.namespace, candidate.run_id)?
            }
        };
        row.map(|row| RunRecord::read(&row)).transpose()
    }

    /// Whether `one` comes before `other` in the list's order.
    pub(super) fn is_before<T: Ord>(&self, one: &T, other: &T) -> bool {
        if self.descending { one > other } else { one < other }
    }
}

/// A set of runs.
pub(super) enum Source {
    /// Rows whose keys end with a run's id.
    Rows(Rows),
    /// The runs of a shape.
    Shape(Postings),
    /// Collected before, in ascending order.
    Ids(Vec<RunId>),
    /// The union of others.
    Any(Vec<Source>),
    /// What of another lies between two ids, both with them.
    Between(RunId, RunId, Box<Source>),
}

impl Source {
    /// Runs with a term.
    pub(super) fn term(namespace: &str, term: &[u8]) -> Self {
        Self::Rows(Rows::new(keys::FOUND_BY, keys::term(namespace, term), false, FEWEST))
    }

    pub(super) fn open(namespace: &str, size: usize) -> Self {
        Self::Rows(Rows::new(OPEN_RUNS, keys::namespace(namespace), true, size))
    }

    pub(super) fn closed(namespace: &str, size: usize) -> Self {
        Self::Rows(Rows::new(RUNS, keys::namespace(namespace), true, size))
    }

    pub(super) fn shape(namespace: &str, shape: u64) -> Self {
        Self::Shape(Postings {
            prefix: keys::shape(namespace, shape),
            buffer: VecDeque::new(),
            ended: false,
            size: FEWEST,
        })
    }

    /// The first run of the set at or after `from` in the list's order. Calls must go in that
    /// order.
    pub(super) fn next(
        &mut self,
        reader: &Reader<'_>,
        from: RunId,
    ) -> Result<Option<Candidate>, Rejection> {
        match self {
            Self::Rows(rows) => rows.next(reader, from),
            Self::Shape(postings) => {
                let found = postings.next(reader, from)?;
                Ok(found.map(|run_id| Candidate { run_id, row: None }))
            }
            Self::Ids(ids) => {
                let at = if reader.descending {
                    ids.partition_point(|id| *id <= from).checked_sub(1)
                } else {
                    Some(ids.partition_point(|id| *id < from))
                };
                let found = at.and_then(|at| ids.get(at));
                Ok(found.map(|&run_id| Candidate { run_id, row: None }))
            }
            Self::Between(low, high, source) => {
                let from = if reader.descending { from.min(*high) } else { from.max(*low) };
                let found = source.next(reader, from)?;
                Ok(found.filter(|found| (*low..=*high).contains(&found.run_id)))
            }
            Self::Any(sources) => {
                let mut first: Option<Candidate> = None;
                for source in sources {
                    if let Some(found) = source.next(reader, from)?
                        && first
                            .as_ref()
                            .is_none_or(|first| reader.is_before(&found.run_id, &first.run_id))
                    {
                        first = Some(found);
                    }
                }
                Ok(first)
            }
        }
    }
}

/// Rows whose keys are a prefix and a run's id.
pub(super) struct Rows {
    table: Table,
    prefix: Vec<u8>,
    /// The values are the runs' rows.
    are_runs: bool,
    buffer: VecDeque<(RunId, Bytes)>,
    ended: bool,
    size: usize,
}

impl Rows {
    fn new(table: Table, prefix: Vec<u8>, are_runs: bool, size: usize) -> Self {
        let size = size.clamp(FEWEST, MOST);
        Self { table, prefix, are_runs, buffer: VecDeque::new(), ended: false, size }
    }

    fn next(&mut self, reader: &Reader<'_>, from: RunId) -> Result<Option<Candidate>, Rejection> {
        let mut passed = 0;
        while self.buffer.front().is_some_and(|(id, _)| reader.is_before(id, &from)) {
            self.buffer.pop_front();
            passed += 1;
        }
        if self.buffer.is_empty() && !self.ended {
            // Read one after the other: more at once. Leapt over: fewer.
            self.size = match passed {
                0 | 1 => self.size * 2,
                _ => self.size / 2,
            }
            .clamp(FEWEST, MOST);
            self.read(reader, from)?;
        }
        Ok(self.buffer.front().map(|(run_id, row)| Candidate {
            run_id: *run_id,
            row: self.are_runs.then(|| row.clone()),
        }))
    }

    fn read(&mut self, reader: &Reader<'_>, from: RunId) -> Result<(), Rejection> {
        let key = |id: &[u8; 16]| [&*self.prefix, id].concat();
        let (at, first, last) = (key(from.as_bytes()), key(&[0; 16]), key(&[0xff; 16]));
        let range = match reader.descending {
            true => Range::new(self.table, Bound::Included(&first), Bound::Included(&at)),
            false => Range::new(self.table, Bound::Included(&at), Bound::Included(&last)),
        };
        let rows = reader.range(range.limit(self.size))?;
        self.ended = rows.len() < self.size;
        let ids = rows.into_iter().filter(|(key, _)| key.len() == at.len());
        self.buffer.extend(ids.filter_map(|(key, row)| Some((keys::last_run(&key)?, row))));
        Ok(())
    }
}

/// The runs of one shape.
pub(super) struct Postings {
    prefix: Vec<u8>,
    buffer: VecDeque<RunId>,
    ended: bool,
    size: usize,
}

impl Postings {
    fn next(&mut self, reader: &Reader<'_>, from: RunId) -> Result<Option<RunId>, Rejection> {
        while self.buffer.front().is_some_and(|id| reader.is_before(id, &from)) {
            self.buffer.pop_front();
        }
        if self.buffer.is_empty() && !self.ended {
            let mut row = [&*self.prefix, &keys::split_run_id(from).0].concat();
            let mut including = true;
            while self.buffer.is_empty() && !self.ended {
                row = self.read(reader, &row, including, from)?.unwrap_or(row);
                including = false;
            }
        }
        Ok(self.buffer.front().copied())
    }

    /// Reads rows from one on; the last one's key.
    fn read(
        &mut self,
        reader: &Reader<'_>,
        at: &[u8],
        including: bool,
        from: RunId,
    ) -> Result<Option<Vec<u8>>, Rejection> {
        let at = if including { Bound::Included(at) } else { Bound::Excluded(at) };
        let (first, last) =
            ([&*self.prefix, &[0; 6]].concat(), [&*self.prefix, &[0xff; 6]].concat());
        let range = match reader.descending {
            true => Range::new(STARTED, Bound::Included(&first), at),
            false => Range::new(STARTED, at, Bound::Included(&last)),
        };
        let rows = reader.range(range.limit(self.size))?;
        self.ended = rows.len() < self.size;
        self.size = (self.size * 2).min(MOST / 4);
        for (key, stored) in &rows {
            reader.spend(stored.len() / 160);
            let mut ids = started_in(key, stored);
            if reader.descending {
                ids.reverse();
            }
            self.buffer.extend(ids.into_iter().filter(|id| !reader.is_before(id, &from)));
        }
        Ok(rows.last().map(|(key, _)| key.to_vec()))
    }
}
