//! What goes with a namespace: schedules, the limits that were set for its task queues, the
//! application's rows, kept answers, and closed runs of the engine's own.
//!
//! Invariant: one that is created again under the name begins with nothing: a namespace goes with
//! all of it in one batch, or its name is taken until the rest of a large one has followed
//! (`namespace_deletion`).

use std::collections::BTreeSet;
use std::sync::Arc;

use everstep_storage::{Range, Table};

use super::keys::{self, APP_ROWS, RUNS, SCHEDULES};
use super::namespace_deletion::TABLES;
use super::record::RunRecord;
use super::shard::Shard;
use crate::kernel::Command;
use crate::{Rejection, RunId};

/// Rows of one table that may go in one batch.
const MOST_ROWS: usize = 10_000;
/// Closed runs that may go in one batch.
const MOST_RUNS: usize = 1_000;

impl Shard {
    /// Puts the deletion of everything into the open batch, or of as much as fits; timers end in it.
    pub(super) fn delete_namespace_rows(
        &mut self,
        name: &str,
        timers: &BTreeSet<RunId>,
    ) -> Result<(), Rejection> {
        if self.logs.get(name).is_some_and(|log| !log.is_durable()) {
            let what = format!("events are being appended in namespace `{name}`: try again");
            return Err(Rejection::Unavailable(what));
        }
        let schedules = self.keys_in_namespace(SCHEDULES, name)?;
        if schedules.len() > MOST_ROWS {
            return Err(Rejection::Unprocessable(format!(
                "namespace `{name}` has more than {MOST_ROWS} schedules: delete them first"
            )));
        }
        let mut rows = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            rows.push((table, self.keys_in_namespace(table, name)?));
        }
        let prefix = keys::namespace(name);
        let runs = self.snapshot()?.range(Range::prefix(RUNS, &prefix).limit(MOST_RUNS + 1))?;
        let runs = runs.iter().map(|(_, stored)| RunRecord::read(stored));
        let runs = runs.collect::<Result<Vec<_>, _>>()?;
        for run_id in timers {
            self.ensure_resident(name, *run_id)?;
        }
        // Nothing is refused once something is written.
        for run_id in timers {
            let reason = "its namespace is deleted".to_owned();
            // One that has ended by itself meanwhile does not mind.
            let _ended = self.step(*run_id, |step| step.execute(Command::Terminate { reason }));
        }
        // What is left of timers shows when their ends are durable.
        if !timers.is_empty()
            || runs.len() > MOST_RUNS
            || rows.iter().any(|(_, keys)| keys.len() > MOST_ROWS)
        {
            self.go_on_deleting(name)?;
        }
        runs.iter().try_for_each(|record| self.erase(record))?;
        self.logs.forget(name);
        self.inner.positions.forget(name);
        self.inner.registry.extensions.forget(Some(name));
        self.inner.queues.forget_namespace(name);
        self.delete_schedules(name, &schedules)?;
        for (table, rows) in &rows {
            rows.iter().for_each(|key| self.turn.batch.delete(*table, key));
            if *table == APP_ROWS {
                self.app_rows.delete_all(&prefix, rows, &mut self.turn.batch, self.turn.number);
            }
        }
        Ok(())
    }

    /// At most one more than go in one batch.
    fn keys_in_namespace(&mut self, table: Table, name: &str) -> Result<Vec<Vec<u8>>, Rejection> {
        let prefix = keys::namespace(name);
        let rows = self.snapshot()?.range(Range::prefix(table, &prefix).limit(MOST_ROWS + 1))?;
        Ok(rows.into_iter().map(|(key, _)| key.to_vec()).collect())
    }

    fn delete_schedules(&mut self, name: &str, rows: &[Vec<u8>]) -> Result<(), Rejection> {
        let namespace: Arc<str> = name.into();
        let start = keys::namespace(name).len();
        let mut ids: BTreeSet<Arc<str>> = self.schedules.ids_of(name).collect();
        ids.extend(rows.iter().filter_map(|key| {
            let id = std::str::from_utf8(key.get(start..)?).ok()?;
            Some(Arc::from(id))
        }));
        for id in ids {
            let key = (Arc::clone(&namespace), id);
            match self.take_schedule(&key)? {
                Some(schedule) => self.remove_schedule(key, &schedule),
                None => self.return_schedule(key, None),
            }
        }
        Ok(())
    }
}
