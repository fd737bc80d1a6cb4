//! Inline steps: attempts whose code stands in the workflow, polled on the loop's own thread but
//! inside the runtime's context, so that they may wait for I/O.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::attempts::{Place, panicked};
use super::inbox::Inbox;
use super::message::Message;
use super::panics;
use super::shard::Shard;
use crate::telemetry::Current;
use crate::{Failure, Payload, RunId};

type InlineFuture = Pin<Box<dyn Future<Output = Result<Payload, Failure>>>>;

/// A step's suspended code. What its destructors do is the user's, so a panic in them is caught.
pub(super) struct InlineCode(Option<InlineFuture>);

impl Drop for InlineCode {
    fn drop(&mut self) {
        panics::drop_quietly("an inline step", self.0.take());
    }
}

impl Shard {
    pub(super) fn run_inline(&mut self, run_id: RunId, activity_id: u32, attempt: u32) {
        let Some(resident) = self.residents.get_mut(run_id) else { return };
        // Without code (its task failed) the step waits until the code is back.
        let Some(step) = resident.task.as_ref().and_then(|task| task.inline_step(activity_id))
        else {
            return;
        };
        match panics::catch(AssertUnwindSafe(|| step())) {
            Ok(future) => {
                resident.inline_running += 1;
                let place = Place::Inline(InlineCode(Some(future)));
                self.attempts.insert(run_id, activity_id, attempt, place);
                self.poll_inline(run_id, activity_id);
                if self.attempts.is_inline(run_id, activity_id) {
                    self.watch_attempt(run_id, activity_id);
                }
            }
            Err(panic) => self.ended_here(run_id, activity_id, attempt, Err(panicked(&panic))),
        }
    }

    /// Polls an inline step inside the runtime's context.
    pub(super) fn poll_inline(&mut self, run_id: RunId, activity_id: u32) {
        let current = self.residents.get(run_id).and_then(|resident| {
            let activity = resident.run.activities.get(&activity_id)?;
            let (kind, attempt) = (&activity.activity_type, activity.attempt);
            Some(Current::attempt(&resident.run.started, kind, activity_id, attempt))
        });
        let Some(running) = self.attempts.get_mut(run_id, activity_id) else { return };
        let Place::Inline(InlineCode(Some(future))) = &mut running.place else { return };
        let attempt = running.attempt;
        let waker = InlineWaker { inbox: Arc::clone(&self.inner.inbox), run_id, activity_id };
        let waker = Waker::from(Arc::new(waker));
        let runtime = self.runtime.clone();
        let _context = runtime.enter();
        let entered = current.map(Current::enter);
        let polled = panics::catch(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        drop(entered);
        let outcome = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(outcome)) => self.checked(outcome),
            Err(panic) => Err(panicked(&panic)),
        };
        self.forget_attempt(run_id, activity_id, attempt);
        self.ended_here(run_id, activity_id, attempt, outcome);
    }

    pub(super) fn inline_ended(&mut self, run_id: RunId) {
        if let Some(resident) = self.residents.get_mut(run_id) {
            resident.inline_running = resident.inline_running.saturating_sub(1);
        }
    }
}

struct InlineWaker {
    inbox: Arc<Inbox>,
    run_id: RunId,
    activity_id: u32,
}

impl Wake for InlineWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let (run_id, activity_id) = (self.run_id, self.activity_id);
        // A loop that has ended polls no more.
        let _ = self.inbox.push(Message::InlineReady { run_id, activity_id });
    }
}
