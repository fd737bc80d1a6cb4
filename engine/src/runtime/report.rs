//! How the loop learns that an attempt on the runtime's threads has ended.
//!
//! Invariant: an attempt that ends reports once, also when it panics; one that is aborted says
//! nothing, because whoever aborted it has decided already.

use std::sync::Arc;

use super::inbox::Inbox;
use super::message::{AttemptEnded, Message};
use crate::{Failure, Payload, PayloadLimits, RunId};

/// Tells the loop how an attempt ended.
pub(super) struct Report {
    inbox: Arc<Inbox>,
    run_id: RunId,
    activity_id: u32,
    attempt: u32,
    limits: PayloadLimits,
    sent: bool,
}

impl Report {
    pub(super) const fn new(
        inbox: Arc<Inbox>,
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
        limits: PayloadLimits,
    ) -> Self {
        Self { inbox, run_id, activity_id, attempt, limits, sent: false }
    }

    pub(super) fn send(mut self, outcome: Result<Payload, Failure>) {
        let outcome = self.limits.outcome("the result", outcome);
        self.push(outcome);
    }

    fn push(&mut self, outcome: Result<Payload, Failure>) {
        self.sent = true;
        let Self { run_id, activity_id, attempt, .. } = *self;
        // A loop that has ended records the attempt as lost at the next start.
        let _ = self.inbox.push(Message::AttemptEnded(AttemptEnded {
            run_id,
            activity_id,
            attempt,
            outcome,
        }));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.sent && std::thread::panicking() {
            let why = "the activity panicked; its message is in the log";
            self.push(Err(Failure::new("panic", why)));
        }
    }
}
