//! A run's code, suspended in memory between two events.
//!
//! Invariant: the future is only ever polled here, outside any async runtime's context and with
//! panics caught. Dropping a task cancels nothing.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::panics;
use crate::kernel::{Carried, HistoryEvent, TaskFailure, TaskFailureKind, WorkflowStarted};
use crate::sdk::{
    self, Asked, Awaited, Core, InlineStep, Offered, OfferedUpdate, WorkflowContext, WorkflowEntry,
    WorkflowFuture,
};
use crate::telemetry::Current;
use crate::{Payload, Timestamp, WorkflowError};

pub(super) struct Task {
    core: Rc<Core>,
    /// Always there; taken out to be dropped.
    future: Option<WorkflowFuture>,
    /// How the code ended, once it has.
    ended: Option<Result<Payload, WorkflowError>>,
}

impl Task {
    pub(super) fn new(entry: &WorkflowEntry, started: Arc<WorkflowStarted>, at: Timestamp) -> Self {
        let input = started.input.clone();
        let core = Core::new(started, at);
        let body = (entry.begin)(WorkflowContext::new(Rc::clone(&core)), &input);
        let future: WorkflowFuture = Box::pin(sdk::root(Rc::clone(&core), body));
        Self { core, future: Some(future), ended: None }
    }

    /// Takes in an event and polls the code if the event concerns it.
    pub(super) fn advance(
        &mut self,
        event: &HistoryEvent,
        at: Timestamp,
    ) -> Result<(), Box<TaskFailure>> {
        // Also when the code has ended: what it has not taken may be carried on.
        if !self.core.deliver(event, at) || self.ended.is_some() {
            return Ok(());
        }
        self.poll(at)
    }

    /// Whether the code waits for an update of that name.
    pub(super) fn awaits_update(&self, name: &str) -> bool {
        self.ended.is_none() && self.core.with(|state| state.awaits_update(name))
    }

    /// Lets the code take or turn down an update: what became of it, and how the poll went.
    pub(super) fn offer(
        &mut self,
        update: OfferedUpdate,
        at: Timestamp,
    ) -> (Offered, Result<(), Box<TaskFailure>>) {
        if self.ended.is_some() || !self.core.offer(update, at) {
            return (Offered::Left, Ok(()));
        }
        let polled = self.poll(at);
        (self.core.end_offer(), polled)
    }

    fn poll(&mut self, at: Timestamp) -> Result<(), Box<TaskFailure>> {
        self.core.set_polling(true);
        let mut cx = Context::from_waker(Waker::noop());
        let entered = Current::workflow(&self.core.started).enter();
        let polled = panics::catch(AssertUnwindSafe(|| match &mut self.future {
            Some(future) => loop {
                let polled = future.as_mut().poll(&mut cx);
                // Each scope is cancelled once, so this ends.
                if polled.is_ready() || !self.core.with(|state| state.scopes.take_again()) {
                    break polled;
                }
            },
            None => Poll::Pending,
        }));
        drop(entered);
        self.core.set_polling(false);
        match polled {
            Ok(Poll::Ready(output)) => self.ended = Some(output),
            Ok(Poll::Pending) if !self.core.waits_for_something() => {
                return Err(Box::new(TaskFailure {
                    kind: TaskFailureKind::NotDurable,
                    message: "the workflow waits for a future that is not durable, so nothing can \
                              ever wake it; wait through the workflow's context (activities, \
                              sleep, signals) and do I/O in activities"
                        .into(),
                    event_id: None,
                    recorded: None,
                    asked: None,
                    location: None,
                    at,
                }));
            }
            Ok(Poll::Pending) => {}
            Err(panic) => {
                // What was asked in a poll that did not return was never asked.
                self.core.with(|state| state.asked.clear());
                return Err(Box::new(TaskFailure {
                    kind: TaskFailureKind::Panic,
                    message: panic.message,
                    event_id: None,
                    recorded: None,
                    asked: None,
                    location: panic.location,
                    at,
                }));
            }
        }
        Ok(())
    }

    /// The code is about to be led along a history.
    pub(super) fn foresee(&self, foresight: &sdk::Foresight) {
        self.core.foresee(foresight);
    }

    /// Whether the code acts on what it has acted on before.
    /// The history knows a child under another generated id than the code has made now.
    pub(super) fn recall_child(&self, child_id: u32, workflow_id: &str) {
        self.core.with(|state| state.recorded_ids.insert(child_id, workflow_id.to_owned()));
    }

    pub(super) fn set_replaying(&self, replaying: bool) {
        self.core.set_replaying(replaying);
    }

    /// The next thing that the code asked for.
    pub(super) fn next_asked(&self) -> Option<Asked> {
        self.core.with(|state| state.take_asked())
    }

    /// How the code ended, once everything that it asked for was taken.
    pub(super) fn take_ended(&mut self) -> Option<Result<Payload, WorkflowError>> {
        self.ended.take()
    }

    /// What was accepted for the workflow and not taken by its code.
    pub(super) fn leftovers(&self) -> Carried {
        self.core.leftovers()
    }

    /// Whether the code has ended.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The code of an inline step that has not ended.
    pub(super) fn inline_step(&self, activity_id: u32) -> Option<InlineStep> {
        self.core.with(|state| state.inline_steps.get(&activity_id).cloned())
    }

    /// State that was published since the last call.
    pub(super) fn take_published(&self) -> std::collections::BTreeMap<&'static str, Payload> {
        self.core.with(|state| std::mem::take(&mut state.published))
    }

    /// The awaited signals and updates, if they changed since the last call.
    pub(super) fn take_awaited(&self) -> Option<Awaited> {
        self.core
            .with(|state| std::mem::take(&mut state.waits_changed))
            .then(|| self.core.awaited())
    }

    /// Bytes that the suspended code holds, as far as they can be seen.
    pub(super) fn size(&self) -> usize {
        let future = self.future.as_ref().map_or(0, |future| std::mem::size_of_val(&**future));
        future + std::mem::size_of::<Core>()
    }

    /// Whether the code waits for something that comes from outside, as far as is known now.
    pub(super) fn awaits_outside(&self) -> bool {
        self.core.awaits_outside()
    }

    /// Bytes of signals that nobody has taken yet.
    pub(super) fn buffered_bytes(&self) -> u64 {
        self.core.with(|state| state.buffered_bytes)
    }
}

/// What the code holds is the user's, and so are its destructors: a panic in one of them must not
/// end the loop.
impl Drop for Task {
    fn drop(&mut self) {
        let steps = self.core.with(|state| std::mem::take(&mut state.inline_steps));
        panics::drop_quietly("a workflow's code", (self.future.take(), steps));
    }
}
