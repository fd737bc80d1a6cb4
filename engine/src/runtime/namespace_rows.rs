//! What a namespace holds beside its runs, and goes with it: schedules, the limits that were set
//! for its task queues, the application's rows, and kept answers.
//!
//! Invariant: a namespace goes with all of it in one batch, so one that is created again under the
//! name begins with nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstep_storage::{Range, Table, log};

use super::keys::{self, APP_ROWS, QUEUES, SCHEDULES, START_KEYS};
use super::shard::Shard;
use crate::Rejection;

/// Rows of one table that may go in one batch.
const MOST_ROWS: usize = 100_000;

impl Shard {
    /// Puts the deletion of everything but runs into the open batch.
    pub(super) fn delete_namespace_rows(&mut self, name: &str) -> Result<(), Rejection> {
        if self.logs.get(name).is_some_and(|log| !log.is_durable()) {
            let what = format!("events are being appended in namespace `{name}`: try again");
            return Err(Rejection::Unavailable(what));
        }
        // Nothing is refused once something is written.
        let tables = [SCHEDULES, QUEUES, APP_ROWS, START_KEYS];
        let rows = tables.map(|table| self.keys_in_namespace(table, name));
        let [schedules, queues, app_rows, start_keys] = rows;
        let (schedules, queues, app_rows, start_keys) =
            (schedules?, queues?, app_rows?, start_keys?);
        let mut events = Vec::new();
        for table in log::TABLES {
            events.push((table, self.keys_in_namespace(table, name)?));
        }
        self.logs.forget(name);
        self.inner.positions.forget(name);
        self.delete_schedules(name, &schedules)?;
        for (table, keys) in &events {
            keys.iter().for_each(|key| self.turn.batch.delete(*table, key));
        }
        for key in &queues {
            self.turn.batch.delete(QUEUES, key);
        }
        self.inner.queues.forget_namespace(name);
        let prefix = keys::namespace(name);
        self.app_rows.delete_all(&prefix, &app_rows, &mut self.turn.batch, self.turn.number);
        for key in &start_keys {
            self.turn.batch.delete(START_KEYS, key);
        }
        Ok(())
    }

    fn keys_in_namespace(&mut self, table: Table, name: &str) -> Result<Vec<Vec<u8>>, Rejection> {
        let prefix = keys::namespace(name);
        let range = Range::prefix(table, &prefix).limit(MOST_ROWS + 1);
        let rows = self.snapshot()?.range(range)?;
        if rows.len() > MOST_ROWS {
            return Err(Rejection::Unprocessable(format!(
                "namespace `{name}` holds more than {MOST_ROWS} rows of `{}`: delete them first",
                table.name()
            )));
        }
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
