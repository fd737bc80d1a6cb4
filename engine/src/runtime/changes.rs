//! News of commits, for whoever watches: history followers, live pages.
//!
//! Invariant: nobody listens, nothing is built. A watcher that falls behind is told so and reads
//! the store again; news carry no state of their own. News of no run at all are those of a commit
//! that was made before anybody watched: whoever came before it was durable reads again, too.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::{RunId, RunStatus};

/// A run that a commit changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// The namespace that holds it.
    pub namespace: Arc<str>,
    /// The workflow's id.
    pub workflow_id: Arc<str>,
    /// The run.
    pub run_id: RunId,
    /// Where it stands now.
    pub status: RunStatus,
    /// Number of events in its history now.
    pub history_length: u64,
    /// What kind of change.
    pub kind: ChangeKind,
}

/// What a change means for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The run is new.
    Started,
    /// It went on.
    Advanced,
    /// It closed.
    Closed,
    /// Not a run but the schedule with this id did something.
    Schedule,
}

/// How many commits a watcher may fall behind before it has to read the store again.
const CAPACITY: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Changes(broadcast::Sender<Arc<[Change]>>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn send(&self, changes: Vec<Change>) {
        // No receiver left is no error: nobody wanted to know.
        let _ = self.0.send(changes.into());
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.0.subscribe()
    }
}
