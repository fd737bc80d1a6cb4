//! Rows that follow from a run's state rather than from one event, and the run's own row.

use super::Step;
use crate::batch::is_built_in;
use crate::runtime::record::RunRecord;
use crate::runtime::turn::Turn;
use crate::runtime::{keys, published};

impl Step<'_> {
    /// Rows that follow from the run's state rather than from one event.
    pub(super) fn write_rows(&mut self) {
        if self.resident.updates.is_some() && self.write_updates() {
            self.resident.changed_in = self.turn.number;
        }
        if self.outdated {
            let key = self.run_key();
            self.put_record(&key);
        }
        if self.recorded == 0 {
            if self.touched {
                self.count();
            }
            return;
        }
        let resident = &mut *self.resident;
        let Turn { batch, encoded, limits, .. } = &mut *self.turn;
        let (namespace, run_id) = (&*resident.namespace, resident.run_id);
        let first_event_id = resident.run.history_length + 1 - self.recorded;
        let mut append = |segment: u64, events: &[u8]| {
            let key = keys::history(namespace, run_id, segment);
            batch.append(keys::HISTORY, &key, events);
        };
        resident.segment.append(first_event_id, encoded, &mut append);
        resident.history_bytes += encoded.len() as u64;
        encoded.clear();
        self.counters.events.add(self.recorded);

        let active = resident.run.is_active();
        if active != resident.active_row {
            let key = keys::active(resident.shard, namespace, run_id);
            match active {
                true => batch.put(keys::ACTIVE, &key, b""),
                false => batch.delete(keys::ACTIVE, &key),
            }
            resident.active_row = active;
        }
        let closed = resident.run.status.is_closed();
        // The engine's own workflows bound what they publish by themselves.
        let limit = match is_built_in(&resident.run.started.workflow_type) {
            true => usize::MAX,
            false => limits.payload_bytes,
        };
        if let Some(task) = &resident.task {
            for (name, payload) in task.take_published() {
                let key = keys::published(namespace, run_id, name);
                let row = published::stored(name, &payload, limit);
                batch.put(keys::PUBLISHED, &key, &row);
            }
            if let Some(awaited) = task.take_awaited() {
                let key = keys::run(namespace, run_id);
                let stored = postcard::to_stdvec(&awaited).unwrap_or_default();
                if !closed && !awaited.is_empty() {
                    batch.put(keys::AWAITING, &key, &stored);
                    resident.awaiting_row = true;
                } else if resident.awaiting_row {
                    batch.delete(keys::AWAITING, &key);
                    resident.awaiting_row = false;
                }
            }
        }
        if closed && std::mem::take(&mut resident.awaiting_row) {
            batch.delete(keys::AWAITING, &keys::run(namespace, run_id));
        }
        self.count();
    }

    /// Writes the run's row and what it is found by.
    pub(in crate::runtime) fn put_record(&mut self, key: &[u8]) {
        let record = RunRecord::of(&self.resident.run, self.turn.limits.inline_payload_bytes);
        let mut stored = std::mem::take(&mut self.turn.record);
        stored.clear();
        self.outdated = false;
        match postcard::to_extend(&record, stored) {
            Ok(stored) => {
                if record.status.is_closed() {
                    self.turn.batch.delete(keys::OPEN_RUNS, key);
                    self.turn.batch.put(keys::RUNS, key, &stored);
                } else {
                    self.turn.batch.put(keys::OPEN_RUNS, key, &stored);
                }
                self.turn.record = stored;
            }
            Err(error) => tracing::error!(%error, "a run has no stored form"),
        }
        self.put_found(&record);
    }
}
