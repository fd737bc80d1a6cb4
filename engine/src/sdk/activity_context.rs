//! What an activity knows of the attempt that it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::RunId;

/// Given to every attempt of an activity.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    workflow_id: Arc<str>,
    run_id: RunId,
    activity_id: u32,
    attempt: u32,
    cancel: Arc<CancelState>,
}

#[derive(Debug, Default)]
struct CancelState {
    cancelled: AtomicBool,
    notify: Notify,
}

/// The engine's end: tells the attempt that it is no longer wanted.
#[derive(Clone, Debug)]
pub(crate) struct ActivityCancel(Arc<CancelState>);

impl ActivityCancel {
    pub(crate) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }
}

impl ActivityContext {
    pub(crate) fn new(
        workflow_id: Arc<str>,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
    ) -> (Self, ActivityCancel) {
        let cancel = Arc::<CancelState>::default();
        let handle = ActivityCancel(Arc::clone(&cancel));
        (Self { workflow_id, run_id, activity_id, attempt, cancel }, handle)
    }

    /// The workflow that asked for it.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// The run that asked for it.
    pub const fn run_id(&self) -> RunId {
        self.run_id
    }

    /// Its id within the run.
    pub const fn activity_id(&self) -> u32 {
        self.activity_id
    }

    /// Which attempt this is, from 1.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The same for every attempt of this activity and no other: pass it to services that
    /// deduplicate.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.run_id, self.activity_id)
    }

    /// Whether the attempt is no longer wanted.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.cancelled.load(Ordering::Acquire)
    }

    /// Returns when the attempt is no longer wanted; never otherwise. An activity that ends with
    /// [`ActivityError::cancelled`](crate::ActivityError::cancelled) after that counts as
    /// cancelled.
    pub async fn cancelled(&self) {
        loop {
            // Registered before the flag is read, so that no call in between is missed.
            let notified = self.cancel.notify.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }
}
