//! The application's rows and the log as they are at one durable moment, read off the loop.

use std::sync::Arc;

use everstep_storage::log::LogReader;
use everstep_storage::{Range, Snapshot};
use serde::de::DeserializeOwned;

use super::engine::Engine;
use super::keys::APP_ROWS;
use crate::sdk::Registry;
use crate::{Keys, Rejection, Table, Timestamp};

/// A moment of the store. Read a page and let it go: a store keeps what a snapshot sees.
pub struct RowSnapshot {
    snapshot: Box<dyn Snapshot>,
    namespace: String,
    now: Timestamp,
    pub(super) registry: Arc<Registry>,
}

impl std::fmt::Debug for RowSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowSnapshot").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl RowSnapshot {
    /// The engine's time when it was taken.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The event log at the same moment.
    pub fn log(&self) -> LogReader<'_> {
        LogReader::new(&*self.snapshot, &self.namespace)
    }

    /// The row under `key`.
    ///
    /// # Errors
    /// When the store cannot be read, or the row has another shape.
    pub fn get<V: DeserializeOwned>(
        &self,
        table: Table<V>,
        key: &str,
    ) -> Result<Option<V>, Rejection> {
        let mut whole = table.prefix(&self.namespace);
        whole.extend_from_slice(key.as_bytes());
        let stored = self.snapshot.get(APP_ROWS, &whole)?;
        stored.map(|stored| read(table, key, &stored)).transpose()
    }

    /// Rows in the order of their keys.
    ///
    /// # Errors
    /// As [`RowSnapshot::get`].
    pub fn range<V: DeserializeOwned>(
        &self,
        table: Table<V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, Rejection> {
        let own = table.prefix(&self.namespace);
        let prefixed = |key: &str| [own.as_slice(), key.as_bytes()].concat();
        let prefix = prefixed(&keys.prefix);
        let mut range = Range::prefix(APP_ROWS, &prefix).limit(keys.limit);
        let after = keys.after.as_deref().map(prefixed);
        if let Some(after) = &after {
            range = range.after(after);
        }
        let rows = self.snapshot.range(range)?;
        rows.into_iter()
            .map(|(key, stored)| {
                let key = String::from_utf8_lossy(&key[own.len()..]).into_owned();
                let value = read(table, &key, &stored)?;
                Ok((key, value))
            })
            .collect()
    }
}

fn read<V: DeserializeOwned>(table: Table<V>, key: &str, stored: &[u8]) -> Result<V, Rejection> {
    serde_json::from_slice(stored).map_err(|error| {
        Rejection::Corrupt(format!("row `{key}` of table `{}`: {error}", table.name()))
    })
}

impl Engine {
    /// What is durable of a namespace's rows and log now.
    ///
    /// # Errors
    /// [`Rejection::NamespaceNotFound`]; when the store has stopped.
    pub fn rows(&self, namespace: &str) -> Result<RowSnapshot, Rejection> {
        self.check_namespace(namespace)?;
        let snapshot = self.store().snapshot()?;
        let (namespace, now) = (namespace.to_owned(), self.now());
        Ok(RowSnapshot { snapshot, namespace, now, registry: Arc::clone(&self.inner.registry) })
    }
}
