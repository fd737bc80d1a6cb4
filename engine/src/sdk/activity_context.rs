//! What an activity knows of the attempt that it is.

use std::sync::Arc;

use tokio::sync::watch;

use crate::RunId;

/// Given to every attempt of an activity.
#[derive(Clone, Debug)]
pub struct ActivityContext {
    workflow_id: Arc<str>,
    run_id: RunId,
    activity_id: u32,
    attempt: u32,
    cancel: watch::Receiver<bool>,
}

/// The engine's end: tells the attempt that it is no longer wanted.
#[derive(Debug)]
pub(crate) struct ActivityCancel(watch::Sender<bool>);

impl ActivityCancel {
    pub(crate) fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl ActivityContext {
    pub(crate) fn new(
        workflow_id: Arc<str>,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
    ) -> (Self, ActivityCancel) {
        let (sender, cancel) = watch::channel(false);
        (Self { workflow_id, run_id, activity_id, attempt, cancel }, ActivityCancel(sender))
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
        *self.cancel.borrow()
    }

    /// Returns when the attempt is no longer wanted; never otherwise. An activity that ends with
    /// [`ActivityError::cancelled`](crate::ActivityError::cancelled) after that counts as
    /// cancelled.
    pub async fn cancelled(&self) {
        let mut cancel = self.cancel.clone();
        if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
            // The engine forgot the attempt (it drains): nobody can cancel it any more.
            std::future::pending::<()>().await;
        }
    }
}
