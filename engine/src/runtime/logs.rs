//! The event logs of the namespaces, and who waits for their next event.
//!
//! Invariant: the loop is the only writer. A log that is in memory is newer than the store by what
//! is not durable; forgetting it loses nothing that was acknowledged.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use everstep_storage::Snapshot;
use everstep_storage::log::Log;
use tokio::sync::watch;

use crate::Rejection;

/// The logs that were used since the process started.
#[derive(Default)]
pub(super) struct Logs {
    by_namespace: HashMap<Arc<str>, Log>,
}

impl Logs {
    /// Reads where a namespace's log ends, unless that is known.
    pub(super) fn open(
        &mut self,
        namespace: &str,
        snapshot: &dyn Snapshot,
    ) -> Result<(), Rejection> {
        if self.by_namespace.contains_key(namespace) {
            return Ok(());
        }
        if let Entry::Vacant(entry) = self.by_namespace.entry(namespace.into()) {
            entry.insert(Log::open(snapshot, namespace)?);
        }
        Ok(())
    }

    pub(super) fn get(&self, namespace: &str) -> Option<&Log> {
        self.by_namespace.get(namespace)
    }

    pub(super) fn get_mut(&mut self, namespace: &str) -> Option<&mut Log> {
        self.by_namespace.get_mut(namespace)
    }

    /// What was appended up to turn `turn` is in the store now: tells who waits for it.
    pub(super) fn durable(&mut self, turn: u64, positions: &Positions) {
        for (namespace, log) in &mut self.by_namespace {
            if let Some(position) = log.durable(turn) {
                positions.moved(namespace, position);
            }
        }
    }

    pub(super) fn forget(&mut self, namespace: &str) {
        self.by_namespace.remove(namespace);
    }

    pub(super) fn clear(&mut self) {
        self.by_namespace.clear();
    }
}

/// The newest durable position of each namespace that has come further since the process started,
/// or that somebody follows.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<HashMap<Arc<str>, watch::Sender<u64>>>);

impl Positions {
    /// Wakes at each commit that holds events of the namespace. The value is 0 until the first one
    /// comes: read the store, then wait.
    pub(super) fn follow(&self, namespace: &str) -> watch::Receiver<u64> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match followed.get(namespace) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(0);
                followed.insert(namespace.into(), sender);
                receiver
            }
        }
    }

    fn moved(&self, namespace: &str, position: u64) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match followed.get(namespace) {
            Some(sender) => {
                sender.send_replace(position);
            }
            None => {
                followed.insert(namespace.into(), watch::Sender::new(position));
            }
        }
    }

    /// The newest durable position; none until the first commit that holds events.
    pub(super) fn newest(&self, namespace: &str) -> Option<u64> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.get(namespace).map(|sender| *sender.borrow()).filter(|position| *position > 0)
    }

    /// The namespace is gone. Who follows it is told when another one of its name has events.
    pub(super) fn forget(&self, namespace: &str) {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = followed.get(namespace) {
            sender.send_replace(0);
        }
    }
}
