//! What a turn does to the lists and counters of shapes, gathered and written once.

use std::collections::HashSet;
use std::sync::Arc;

use everstep_storage::Batch;

use super::shape::Shape;
use crate::kernel::WorkflowStarted;
use crate::runtime::RunRecord;
use crate::runtime::keys::{self, CLOSED, SHAPE_COUNTS, SHAPES, STARTED, UNTIDY};
use crate::{RunId, RunStatus, Timestamp};

/// Shapes that are kept from turn to turn, so that their room is used again.
const KEPT: usize = 64;

/// What the open turn did.
#[derive(Default)]
pub(in crate::runtime) struct Tally {
    shapes: Vec<ShapeTally>,
    closed: Vec<ClosedTally>,
    /// Shapes whose row this process has written.
    known: HashSet<u64>,
    /// Something was noted since the last batch.
    dirty: bool,
}

struct ShapeTally {
    shape: u64,
    namespace: Arc<str>,
    started: Vec<RunId>,
    counts: [i64; RunStatus::ALL.len()],
    /// Its row, if it must be written.
    fresh: Option<Shape>,
}

struct ClosedTally {
    namespace: Arc<str>,
    at: Timestamp,
    ids: Vec<u8>,
}

impl Tally {
    fn of(&mut self, shape: u64, namespace: &Arc<str>) -> &mut ShapeTally {
        self.dirty = true;
        let at = match self.shapes.iter().position(|tally| tally.shape == shape) {
            Some(at) => at,
            None => {
                self.shapes.push(ShapeTally {
                    shape,
                    namespace: Arc::clone(namespace),
                    started: Vec::new(),
                    counts: [0; RunStatus::ALL.len()],
                    fresh: None,
                });
                self.shapes.len() - 1
            }
        };
        &mut self.shapes[at]
    }

    /// A run began.
    pub(in crate::runtime) fn started(
        &mut self,
        shape: u64,
        namespace: &Arc<str>,
        started: &WorkflowStarted,
        status: RunStatus,
    ) {
        let fresh = self.known.insert(shape).then(|| Shape::from(started));
        let tally = self.of(shape, namespace);
        tally.started.push(started.run_id);
        tally.counts[usize::from(status.number())] += 1;
        tally.fresh = fresh.or(tally.fresh.take());
    }

    /// A run changed its status.
    pub(in crate::runtime) fn moved(
        &mut self,
        shape: u64,
        namespace: &Arc<str>,
        before: RunStatus,
        after: RunStatus,
    ) {
        let counts = &mut self.of(shape, namespace).counts;
        counts[usize::from(before.number())] -= 1;
        counts[usize::from(after.number())] += 1;
    }

    /// A run closed.
    pub(in crate::runtime) fn closed(
        &mut self,
        namespace: &Arc<str>,
        at: Timestamp,
        run_id: RunId,
    ) {
        self.dirty = true;
        let id = run_id.as_bytes();
        let same = |tally: &&mut ClosedTally| tally.at == at && tally.namespace == *namespace;
        match self.closed.iter_mut().rev().find(same) {
            Some(tally) => tally.ids.extend_from_slice(id),
            None => {
                let namespace = Arc::clone(namespace);
                self.closed.push(ClosedTally { namespace, at, ids: id.to_vec() });
            }
        }
    }

    /// A shape's row is gone: the next run of the shape writes it again.
    pub(super) fn forget_shape(&mut self, shape: u64) {
        self.known.remove(&shape);
    }

    /// Writes what was noted.
    pub(in crate::runtime) fn write_rows(&mut self, batch: &mut Batch) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        for tally in &mut self.shapes {
            let (namespace, shape) = (&*tally.namespace, tally.shape);
            if let Some(fresh) = tally.fresh.take() {
                let stored = postcard::to_stdvec(&fresh).unwrap_or_default();
                batch.put(SHAPES, &keys::shape(namespace, shape), &stored);
            }
            let same_row = |one: &RunId, next: &RunId| {
                keys::split_run_id(*one).0 == keys::split_run_id(*next).0
            };
            for ids in tally.started.chunk_by(same_row) {
                let mut row = Vec::with_capacity(ids.len() * 10);
                row.extend(ids.iter().flat_map(|id| keys::split_run_id(*id).1));
                batch.append(STARTED, &keys::started(namespace, shape, ids[0]).0, &row);
            }
            tally.started.clear();
            for (status, delta) in (0..).zip(&mut tally.counts) {
                match std::mem::take(delta) {
                    0 => {}
                    delta => {
                        let key = keys::shape_count(namespace, shape, status);
                        batch.add(SHAPE_COUNTS, &key, delta);
                    }
                }
            }
        }
        if self.shapes.len() > KEPT {
            self.shapes.clear();
        }
        for ClosedTally { namespace, at, ids } in self.closed.drain(..) {
            batch.append(CLOSED, &keys::closed(&namespace, at), &ids);
        }
    }

    /// Forgets what was noted: the batch will not be written.
    pub(in crate::runtime) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl RunRecord {
    /// Puts the deletion of a closed run's index rows into a batch.
    pub(in crate::runtime) fn erase_index(&self, batch: &mut Batch) {
        let namespace = self.namespace.as_str();
        let shape =
            super::shape::number(namespace, &self.workflow_type, &self.version, &self.build_id);
        let (row, id) = keys::started(namespace, shape, self.run_id);
        batch.append(STARTED, &row, &id);
        batch.put(UNTIDY, &keys::untidy(STARTED, &row), b"");
        batch.add(SHAPE_COUNTS, &keys::shape_count(namespace, shape, self.status.number()), -1);
        batch.put(UNTIDY, &keys::untidy(SHAPES, &keys::shape(namespace, shape)), b"");
        if let Some(at) = self.closed_at {
            let row = keys::closed(namespace, at);
            batch.append(CLOSED, &row, self.run_id.as_bytes());
            batch.put(UNTIDY, &keys::untidy(CLOSED, &row), b"");
        }
        super::terms::Found::of(self).erase(batch, namespace, self.run_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_writes_few_rows_however_many_runs_it_moves() {
        let namespace: Arc<str> = "default".into();
        let mut tally = Tally::default();
        let mut batch = Batch::new();
        for n in 0..100 {
            tally.of(7, &namespace).started.push(RunId::from_bytes([n / 50; 16]));
            tally.moved(7, &namespace, RunStatus::Running, RunStatus::Completed);
            tally.closed(&namespace, Timestamp::from_millis(5), RunId::from_bytes([n; 16]));
        }
        tally.write_rows(&mut batch);
        // Two milliseconds of ids, two counters, one list of closed runs.
        assert_eq!(batch.writes().count(), 5);
        tally.write_rows(&mut batch);
        assert_eq!(batch.writes().count(), 5);
    }
}
