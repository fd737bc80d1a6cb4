//! What is kept of an update under its id, and the part of a run's memory that is about updates.
//!
//! Invariant: an update has a row from its admission on, whether its caller waits or not, so that
//! a crash loses none that was acknowledged; only one that is turned down before its row is
//! durable leaves nothing. The row outlives the run: the same id is answered the same for ever.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use everstep_storage::{Batch, Range, Snapshot};
use serde::{Deserialize, Serialize};

use super::keys::{self, ADMITTED, UPDATES};
use crate::view::{UpdateState, UpdateStatus};
use crate::{Failure, Payload, Rejection, RunId, Timestamp};

/// Updates of one run that may wait for an answer at the same time.
pub(super) const MOST_PENDING: usize = 1_000;

/// An update's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UpdateRecord {
    pub(crate) name: Arc<str>,
    pub(crate) payload: Payload,
    /// Its place among the run's updates.
    pub(crate) order: u64,
    pub(crate) admitted_at: Timestamp,
    pub(crate) stage: Stage,
}

/// How far an update has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stage {
    Admitted,
    Rejected(Failure),
    Accepted,
    Completed(Payload),
    Failed(Failure),
}

impl UpdateRecord {
    pub(crate) fn read(stored: &[u8]) -> Result<Self, Rejection> {
        postcard::from_bytes(stored)
            .map_err(|error| Rejection::Corrupt(format!("an update cannot be read: {error}")))
    }

    pub(crate) const fn status(&self) -> UpdateStatus {
        match self.stage {
            Stage::Admitted => UpdateStatus::Admitted,
            Stage::Rejected(_) => UpdateStatus::Rejected,
            Stage::Accepted => UpdateStatus::Accepted,
            Stage::Completed(_) => UpdateStatus::Completed,
            Stage::Failed(_) => UpdateStatus::Failed,
        }
    }

    pub(crate) fn state(&self, update_id: &str) -> UpdateState {
        let (result, failure) = match &self.stage {
            Stage::Completed(result) => (Some(result.clone()), None),
            Stage::Failed(failure) | Stage::Rejected(failure) => (None, Some(failure.clone())),
            Stage::Admitted | Stage::Accepted => (None, None),
        };
        let (update_id, name) = (update_id.to_owned(), self.name.to_string());
        UpdateState { update_id, name, status: self.status(), result, failure }
    }
}

/// The updates of a chain that its code has not looked at, in the order of their admission. Reads
/// those alone, however many the chain has answered.
pub(crate) fn read_admitted(
    snapshot: &dyn Snapshot,
    namespace: &str,
    first_run_id: RunId,
) -> Result<Vec<(Arc<str>, UpdateRecord)>, Rejection> {
    let prefix = keys::run(namespace, first_run_id);
    // A run takes no more than so many at once.
    let listed = snapshot.range(Range::prefix(ADMITTED, &prefix).limit(MOST_PENDING))?;
    let mut admitted = Vec::with_capacity(listed.len());
    for (_, update_id) in listed {
        let update_id: Arc<str> = String::from_utf8_lossy(&update_id).into();
        let key = keys::update(namespace, first_run_id, &update_id);
        if let Some(stored) = snapshot.get(UPDATES, &key)? {
            admitted.push((update_id, UpdateRecord::read(&stored)?));
        }
    }
    Ok(admitted)
}

/// The part of a run's memory that is about updates; made with its first one.
#[derive(Default)]
pub(super) struct RunUpdates {
    /// Admitted, oldest first.
    pub(super) waiting: VecDeque<Arc<str>>,
    /// Rows of those that wait, and of others as long as they may not be durable.
    rows: BTreeMap<Arc<str>, Row>,
    next_order: u64,
}

struct Row {
    record: UpdateRecord,
    /// The turn that wrote it; none while it is still to be written.
    written_in: Option<u64>,
    /// It has no row on disk and needs none if it is turned down.
    is_new: bool,
    /// It stands in the list of those that wait.
    listed: bool,
}

impl RunUpdates {
    /// Takes back what an earlier process admitted.
    pub(super) fn restore(pending: Vec<(Arc<str>, UpdateRecord)>) -> Option<Box<Self>> {
        let mut updates = Self::default();
        for (update_id, record) in pending {
            updates.next_order = updates.next_order.max(record.order + 1);
            updates.waiting.push_back(Arc::clone(&update_id));
            let row = Row { record, written_in: Some(0), is_new: false, listed: true };
            updates.rows.insert(update_id, row);
        }
        (updates.next_order > 0).then(|| Box::new(updates))
    }

    pub(super) fn get(&self, update_id: &str) -> Option<&UpdateRecord> {
        self.rows.get(update_id).map(|row| &row.record)
    }

    pub(super) fn admit(
        &mut self,
        update_id: Arc<str>,
        name: Arc<str>,
        payload: Payload,
        at: Timestamp,
    ) {
        let order = self.next_order;
        self.next_order += 1;
        let record = UpdateRecord { name, payload, order, admitted_at: at, stage: Stage::Admitted };
        self.waiting.push_back(Arc::clone(&update_id));
        self.rows.insert(update_id, Row { record, written_in: None, is_new: true, listed: false });
    }

    /// The update goes on to another stage; `or` makes its row where memory has none.
    pub(super) fn advance(
        &mut self,
        update_id: &Arc<str>,
        stage: Stage,
        or: impl FnOnce() -> UpdateRecord,
    ) {
        let row = self.rows.entry(Arc::clone(update_id)).or_insert_with(|| Row {
            record: or(),
            written_in: None,
            is_new: false,
            listed: false,
        });
        (row.record.stage, row.written_in) = (stage, None);
    }

    /// An update was turned down.
    pub(super) fn reject(&mut self, update_id: &Arc<str>, failure: Failure) {
        if let Some(row) = self.rows.get_mut(update_id) {
            (row.record.stage, row.written_in) = (Stage::Rejected(failure), None);
        }
    }

    /// The update's row is to be written although it was turned down at once.
    pub(super) fn keep(&mut self, update_id: &str) {
        if let Some(row) = self.rows.get_mut(update_id) {
            row.is_new = false;
        }
    }

    /// Forgets an update that was turned down at once, or that came to a run which closed.
    pub(super) fn forget_new(&mut self, update_id: &str) {
        if self.rows.get(update_id).is_some_and(|row| row.is_new && row.written_in.is_none()) {
            self.rows.remove(update_id);
            self.waiting.retain(|waiting| **waiting != *update_id);
        }
    }

    /// Writes what has changed; whether anything has. Once the chain has `ended`, nobody waits.
    pub(super) fn write(
        &mut self,
        batch: &mut Batch,
        namespace: &str,
        first_run_id: RunId,
        turn: u64,
        ended: bool,
    ) -> bool {
        let mut changed = false;
        for (update_id, row) in &mut self.rows {
            let waits = row.record.stage == Stage::Admitted && !ended;
            if waits != row.listed {
                let key = keys::admitted(namespace, first_run_id, row.record.order);
                match waits {
                    true => batch.put(ADMITTED, &key, update_id.as_bytes()),
                    false => batch.delete(ADMITTED, &key),
                }
                (row.listed, changed) = (waits, true);
            }
            if row.written_in.is_some()
                || (row.is_new && row.record.status() == UpdateStatus::Rejected)
            {
                continue;
            }
            (row.written_in, row.is_new, changed) = (Some(turn), false, true);
            match postcard::to_stdvec(&row.record) {
                Ok(stored) => {
                    batch.put(UPDATES, &keys::update(namespace, first_run_id, update_id), &stored);
                }
                Err(error) => tracing::error!(%error, "an update has no stored form"),
            }
        }
        changed
    }

    /// Rows up to turn `durable` can be found in the store; those that wait are kept.
    pub(super) fn prune(&mut self, durable: u64) {
        self.rows.retain(|_, row| {
            row.record.stage == Stage::Admitted || row.written_in.is_none_or(|turn| turn > durable)
        });
    }
}
