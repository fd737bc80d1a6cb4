//! The end of a run that a hook could not write yet: said where the run is looked at.

use everstep_storage::{Range, Snapshot};

use super::Awaiting;
use crate::kernel::{Run, apply};
use crate::runtime::{HistoryReader, keys, read_run};
use crate::sdk::KeptEnd;
use crate::{Rejection, Selector, Timestamp};

/// Hooks of one run that are looked at: a type has few.
const MOST: usize = 16;

/// A hook that is run again.
pub(super) struct UnwrittenEnd {
    workflow_id: String,
    since: Timestamp,
    attempts: u32,
}

impl UnwrittenEnd {
    /// The first of a closed run's hooks that has not written what it is to write, whether this
    /// build still has it or not.
    pub(super) fn of(snapshot: &dyn Snapshot, run: &Run) -> Result<Option<Self>, Rejection> {
        let started = &run.started;
        let prefix = KeptEnd::workflow_ids(started.run_id);
        let rows = keys::workflow(&started.namespace, &prefix);
        let found = snapshot.range(Range::prefix(keys::WORKFLOWS, &rows).limit(MOST))?;
        for (row, _) in found {
            let name = row.get(rows.len()..).map(String::from_utf8_lossy).unwrap_or_default();
            let workflow_id = prefix.clone() + &name;
            let namespace = started.namespace.clone();
            let selector = Selector { namespace, ..Selector::newest(workflow_id.clone()) };
            let record = match read_run(snapshot, &selector) {
                Ok(record) if !record.status.is_closed() => record,
                Ok(_) | Err(Rejection::WorkflowNotFound(_)) => continue,
                Err(other) => return Err(other),
            };
            let reader = HistoryReader::new(snapshot, &record.namespace, record.run_id);
            let mut reader = reader.referring(true);
            let Some(first) = reader.next()? else { continue };
            let Some(mut writing) = Run::begin(&first.event, first.at) else { continue };
            while let Some(recorded) = reader.next()? {
                apply(&mut writing, &recorded.event, recorded.at);
            }
            let tried = writing.activities.values().map(|activity| activity.attempt).max();
            let (since, attempts) = (run.closed_at.unwrap_or(run.started_at), tried.unwrap_or(1));
            return Ok(Some(Self { workflow_id, since, attempts }));
        }
        Ok(None)
    }

    pub(super) fn awaiting(&self) -> Awaiting {
        let (kind, name) = ("run_end".to_owned(), self.workflow_id.clone());
        Awaiting { kind, name, since: self.since }
    }

    pub(super) fn sentence(&self) -> String {
        let Self { workflow_id, attempts, .. } = self;
        format!(
            "what is to be written with its end: the program's hook refuses, attempt {attempts} is \
             under way in workflow `{workflow_id}`"
        )
    }
}
