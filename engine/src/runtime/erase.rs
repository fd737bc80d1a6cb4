//! Deleting a closed run with all its rows.
//!
//! Invariant: a run is erased once. Its rows end in one batch, so a run exists whole or not at
//! all; a key that made a start idempotent outlives it, as the API promises.

use everstep_storage::{Batch, Range, Table};

use super::afterwards::Afterwards;
use super::effect::Effect;
use super::history_log::{newest_run, payload_rows_of, read_run, stored_run};
use super::keys::{
    self, AWAITING, HISTORY, PAYLOADS, PUBLISHED, RUNS, RUNS_OF_ID, SIGNAL_KEYS, UPDATES, WORKFLOWS,
};
use super::message::Reply;
use super::record::RunRecord;
use super::shard::Shard;
use crate::{Rejection, RunId, Selector};

/// Rows that are read at once.
const PAGE: usize = 64;

impl Shard {
    /// Deletes a closed run.
    pub(super) fn delete(&mut self, selector: Box<Selector>, reply: Reply<()>) {
        let answer = match self.target(&selector) {
            Err(rejection) => Err(rejection),
            Ok(target) if !target.status.is_closed() => Err(Rejection::WorkflowOpen(
                selector.workflow_id.clone(),
                target.status.to_string(),
            )),
            // Its end is not durable yet: no snapshot shows all of its rows.
            Ok(target) if self.residents.get(target.run_id).is_some() => {
                self.afterwards.push(Afterwards::Delete { selector, reply });
                return;
            }
            Ok(target) => {
                let selector = Selector { run_id: Some(target.run_id), ..*selector };
                self.snapshot()
                    .and_then(|snapshot| read_run(snapshot, &selector))
                    .and_then(|record| self.erase(&record))
            }
        };
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    /// Puts the deletion of all rows of a closed, durable run into the open batch.
    pub(super) fn erase(&mut self, record: &RunRecord) -> Result<(), Rejection> {
        if self.deleted.contains_key(&record.run_id) {
            return Ok(());
        }
        let (namespace, run_id) = (record.namespace.as_str(), record.run_id);
        let prefix = keys::run(namespace, run_id);
        self.erase_history(&prefix)?;
        self.delete_all(PUBLISHED, &prefix)?;
        self.forget_id(record)?;
        self.turn.batch.delete(AWAITING, &prefix);
        self.turn.batch.delete(RUNS, &prefix);
        record.erase_index(&mut self.turn.batch);
        self.tidy.pending = true;
        self.deleted.insert(run_id, self.turn.number);
        self.inner.counters.runs_deleted.add(1);
        self.turn.steps += 1;
        Ok(())
    }

    /// Takes the run out of its workflow id's runs; the newest of the others stands for the id.
    fn forget_id(&mut self, record: &RunRecord) -> Result<(), Rejection> {
        let (namespace, id, run_id) =
            (record.namespace.as_str(), record.workflow_id.as_str(), record.run_id);
        let in_memory = self.residents.of_workflow(namespace, id);
        let row = keys::run_of_id(namespace, id, run_id);
        let prefix = keys::runs_of_id(namespace, id);
        let snapshot = self.snapshot()?;
        let older = snapshot
            .range(Range::prefix(RUNS_OF_ID, &prefix).reversed().after(&row).limit(PAGE))?
            .into_iter();
        let newer = snapshot.range(Range::prefix(RUNS_OF_ID, &prefix).after(&row).limit(PAGE))?;
        let newest = newest_run(snapshot, namespace, id)?;
        let ids = |rows: &mut dyn Iterator<Item = (bytes::Bytes, bytes::Bytes)>| -> Vec<RunId> {
            rows.filter_map(|(key, _)| key.last_chunk::<16>().map(|id| RunId::from_bytes(*id)))
                .collect()
        };
        let (mut older, mut newer) = (older, newer.into_iter());
        let (mut older, mut newer) = (ids(&mut older), ids(&mut newer));
        older.retain(|other| !self.deleted.contains_key(other));
        newer.retain(|other| !self.deleted.contains_key(other));
        // The runs of a chain follow one another, so its keys are needed while a neighbour of the
        // run belongs to it.
        let first = record.first_run_id();
        let mut shared = in_memory.is_some_and(|other| other != run_id);
        for other in older.first().into_iter().chain(newer.first()) {
            let stored = stored_run(self.snapshot()?, namespace, *other)?;
            shared |= match stored {
                Some(stored) => RunRecord::read(&stored)?.first_run_id() == first,
                None => false,
            };
        }
        if !shared {
            self.delete_all(SIGNAL_KEYS, &keys::run(namespace, first))?;
            self.delete_all(UPDATES, &keys::run(namespace, first))?;
        }
        self.turn.batch.delete(RUNS_OF_ID, &row);
        if newest == Some(run_id) && in_memory.is_none_or(|other| other == run_id) {
            let key = keys::workflow(namespace, id);
            match older.first() {
                Some(next) => self.turn.batch.put(WORKFLOWS, &key, next.as_bytes()),
                None => self.turn.batch.delete(WORKFLOWS, &key),
            }
        }
        Ok(())
    }

    /// Deletes a run's events and the payloads that they refer to: the references say which rows
    /// there are, so none of those is read.
    fn erase_history(&mut self, run: &[u8]) -> Result<(), Rejection> {
        self.delete_each(HISTORY, run, &mut |batch, key, segment| {
            for (event_id, index) in payload_rows_of(segment, keys::segment_of(key)) {
                batch.delete(PAYLOADS, &keys::payload(run, event_id, index));
            }
        })
    }

    /// Deletes every row of a table that begins so.
    pub(super) fn delete_all(&mut self, table: Table, prefix: &[u8]) -> Result<(), Rejection> {
        self.delete_each(table, prefix, &mut |_, _, _| {})
    }

    fn delete_each(
        &mut self,
        table: Table,
        prefix: &[u8],
        also: &mut dyn FnMut(&mut Batch, &[u8], bytes::Bytes),
    ) -> Result<(), Rejection> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let mut range = Range::prefix(table, prefix).limit(PAGE);
            if let Some(last) = &last {
                range = range.after(last);
            }
            let rows = self.snapshot()?.range(range)?;
            let full = rows.len() == PAGE;
            last = rows.last().map(|(key, _)| key.to_vec());
            for (key, value) in rows {
                self.turn.batch.delete(table, &key);
                also(&mut self.turn.batch, &key, value);
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// A workflow id has a second run: from now on its runs can be found by it.
    pub(super) fn link_runs(&mut self, namespace: &str, id: &str, older: RunId, newer: RunId) {
        for run_id in [older, newer] {
            let row = keys::run_of_id(namespace, id, run_id);
            self.turn.batch.put(RUNS_OF_ID, &row, b"");
        }
    }
}
