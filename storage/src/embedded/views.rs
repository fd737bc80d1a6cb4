//! Who reads what: the current view of the state file and the snapshots that are alive.
//!
//! Invariant: a reader is listed before it reads and as long as it reads, with the checkpoint that
//! it reads over and the sequence number that it reads at; both never fall from one reader to the
//! next, so the oldest reader holds back the most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::View;
use crate::error::StoreError;

pub(super) struct Views {
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None` once the store is closed.
    current: Option<Arc<View>>,
    /// By order of arrival: `applied` of the view, and the sequence number read at.
    readers: BTreeMap<u64, (u64, u64)>,
    next: u64,
}

/// A listed reader's place and what it reads over.
pub(super) struct Reader {
    pub(super) id: u64,
    pub(super) view: Arc<View>,
    pub(super) sequence: u64,
}

impl Views {
    pub(super) fn new(view: View) -> Self {
        let current = Some(Arc::new(view));
        Self { inner: Mutex::new(Inner { current, readers: BTreeMap::new(), next: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a reader at the sequence number that `published` gives.
    pub(super) fn enter(&self, published: impl FnOnce() -> u64) -> Result<Reader, StoreError> {
        let mut inner = self.lock();
        let view = inner.current.clone();
        let view = view.ok_or_else(|| StoreError::Stopped { reason: "closed".into() })?;
        // Read under the lock: a view is never ahead of what was published before it came here.
        let sequence = published();
        let id = inner.next;
        inner.next += 1;
        inner.readers.insert(id, (view.applied, sequence));
        Ok(Reader { id, view, sequence })
    }

    /// The reader has finished.
    pub(super) fn leave(&self, id: u64) {
        self.lock().readers.remove(&id);
    }

    /// Later readers read over this view. Returns up to which sequence number versions may be
    /// forgotten.
    pub(super) fn install(&self, view: View) -> u64 {
        let applied = view.applied;
        let mut inner = self.lock();
        let before = inner.current.replace(Arc::new(view));
        let floor = inner.readers.first_key_value().map_or(applied, |(_, (floor, _))| *floor);
        drop(inner);
        drop(before);
        floor.min(applied)
    }

    /// No snapshot, live or later, reads below this sequence number.
    pub(super) fn horizon(&self, published: u64) -> u64 {
        let inner = self.lock();
        inner.readers.first_key_value().map_or(published, |(_, (_, lowest))| published.min(*lowest))
    }

    /// The oldest checkpoint that somebody reads, where nobody comes after those who do.
    pub(super) fn floor(&self) -> u64 {
        self.lock().readers.first_key_value().map_or(u64::MAX, |(_, (floor, _))| *floor)
    }

    /// Takes no more readers and lets go of the file.
    pub(super) fn close(&self) {
        let before = self.lock().current.take();
        drop(before);
    }
}
