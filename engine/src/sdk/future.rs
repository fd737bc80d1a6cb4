//! The durable futures: an activity's outcome, a timer, a signal.
//!
//! Invariant: a future asks for what it stands for at its first poll and not before, and it asks
//! once. Dropped while it waits, it withdraws what it asked for.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::call_options::millis;
use super::core::{Asked, Core, InlineStep, Resolution};
use super::{ActivityError, Retry};
use crate::kernel::ActivityOptions;
use crate::queue::{Dispatch, Priority};
use crate::{Payload, Timestamp};

/// The outcome of an activity or an inline step.
#[must_use = "an activity is scheduled when it is first awaited"]
pub struct ActivityFuture<O> {
    core: Rc<Core>,
    state: ActivityWait,
    location: &'static Location<'static>,
    output: PhantomData<fn() -> O>,
}

enum ActivityWait {
    New(Box<NewActivity>),
    Waiting(u32),
    Done,
}

pub(super) struct NewActivity {
    pub(super) activity_type: Arc<str>,
    pub(super) input: Result<Payload, ActivityError>,
    pub(super) options: Option<Box<ActivityOptions>>,
    pub(super) inline: Option<InlineStep>,
}

impl<O> ActivityFuture<O> {
    pub(super) fn new(
        core: Rc<Core>,
        activity: NewActivity,
        location: &'static Location<'static>,
    ) -> Self {
        let state = ActivityWait::New(Box::new(activity));
        Self { core, state, location, output: PhantomData }
    }

    /// How failed attempts are retried, for this call.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.set_options(|set| set.retry = retry.policy());
        self
    }

    /// How long one attempt may take (start-to-close), for this call.
    pub fn timeout(mut self, start_to_close: Duration) -> Self {
        self.set_options(|set| set.start_to_close_ms = millis(start_to_close));
        self
    }

    /// How long all attempts and the pauses between them may take, for this call.
    pub fn schedule_to_close(mut self, limit: Duration) -> Self {
        self.set_options(|set| set.schedule_to_close_ms = Some(millis(limit)));
        self
    }

    /// How long it may wait for an attempt to start, for this call.
    pub fn schedule_to_start(mut self, limit: Duration) -> Self {
        self.set_options(|set| set.schedule_to_start_ms = Some(millis(limit)));
        self
    }

    /// How long an attempt may go on without a heartbeat, for this call. An inline step cannot
    /// give one.
    pub fn heartbeat_timeout(mut self, limit: Duration) -> Self {
        self.set_options(|set| set.heartbeat_ms = Some(millis(limit)));
        self
    }

    /// How long an attempt may take to end once it is asked to, for this call.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.set_options(|set| set.cancel_grace_ms = millis(grace));
        self
    }

    /// The task queue that its attempts go through, for this call. An inline step goes through none.
    pub fn queue(mut self, name: impl Into<Arc<str>>) -> Self {
        self.set_dispatch(|dispatch| dispatch.queue = name.into());
        self
    }

    /// Whose turn comes first in its queue, for this call.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.set_dispatch(|dispatch| dispatch.priority = priority);
        self
    }

    /// Shares the turns of its queue evenly, or by weight, with calls that have other keys.
    pub fn fairness_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.set_dispatch(|dispatch| dispatch.fairness_key = Some(key.into()));
        self
    }

    /// Calls with the same key run at once only as often as their queue allows for one key.
    pub fn concurrency_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.set_dispatch(|dispatch| dispatch.concurrency_key = Some(key.into()));
        self
    }

    fn set_dispatch(&mut self, set: impl FnOnce(&mut Dispatch)) {
        self.set_options(|options| set(options.dispatch.get_or_insert_with(Box::default)));
    }

    fn set_options(&mut self, set: impl FnOnce(&mut ActivityOptions)) {
        if let ActivityWait::New(activity) = &mut self.state {
            let known = activity.options.get_or_insert_with(Box::default);
            set(known);
        }
    }
}

impl Default for ActivityOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl<O: DeserializeOwned> Future for ActivityFuture<O> {
    type Output = Result<O, ActivityError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match std::mem::replace(&mut this.state, ActivityWait::Done) {
            ActivityWait::New(activity)
                if this.core.with(|state| state.scopes.holds_back(cx.waker())) =>
            {
                this.state = ActivityWait::New(activity);
                Poll::Pending
            }
            ActivityWait::New(activity) => {
                let NewActivity { activity_type, input, options, inline } = *activity;
                let input = match input {
                    Ok(input) => input,
                    Err(error) => return Poll::Ready(Err(error)),
                };
                let id = this.core.with(|state| {
                    let activity_id = state.take_id();
                    state.wait(activity_id, cx.waker());
                    let is_inline = inline.is_some();
                    if let Some(step) = inline {
                        state.inline_steps.insert(activity_id, step);
                    }
                    state.asked.push_back(Asked::ScheduleActivity {
                        activity_id,
                        activity_type,
                        input,
                        options,
                        inline: is_inline,
                        location: this.location,
                    });
                    activity_id
                });
                this.state = ActivityWait::Waiting(id);
                Poll::Pending
            }
            ActivityWait::Waiting(id) => {
                match this.core.with(|state| state.take_resolution(id, cx.waker())) {
                    None => {
                        this.state = ActivityWait::Waiting(id);
                        Poll::Pending
                    }
                    Some(resolution) => Poll::Ready(outcome(resolution)),
                }
            }
            ActivityWait::Done => Poll::Pending,
        }
    }
}

fn outcome<O: DeserializeOwned>(resolution: Resolution) -> Result<O, ActivityError> {
    match resolution {
        Resolution::Completed(result) => result.to().map_err(|error| {
            ActivityError::new("invalid_result", format!("the result has another shape: {error}"))
                .non_retryable()
        }),
        Resolution::Failed(failure) => Err((*failure).into()),
        Resolution::Cancelled
        | Resolution::Fired
        | Resolution::Started(_)
        | Resolution::Ended(..) => Err(ActivityError::cancelled()),
    }
}

impl<O> Drop for ActivityFuture<O> {
    fn drop(&mut self) {
        if let ActivityWait::Waiting(id) = self.state {
            self.core.with(|state| {
                state.inline_steps.remove(&id);
                state.abandon_activity(id);
            });
        }
    }
}

/// A durable timer.
#[must_use = "a timer starts when it is first awaited"]
pub struct TimerFuture {
    core: Rc<Core>,
    state: TimerWait,
    location: &'static Location<'static>,
}

#[derive(Clone, Copy)]
enum TimerWait {
    New(Due),
    Waiting(u32),
    Done,
}

#[derive(Clone, Copy)]
pub(super) enum Due {
    After(Duration),
    At(Timestamp),
}

impl TimerFuture {
    pub(super) fn new(core: Rc<Core>, due: Due, location: &'static Location<'static>) -> Self {
        Self { core, state: TimerWait::New(due), location }
    }
}

impl Future for TimerFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match this.state {
            TimerWait::New(_) if this.core.with(|state| state.scopes.holds_back(cx.waker())) => {
                Poll::Pending
            }
            TimerWait::New(due) => {
                let id = this.core.with(|state| {
                    let fires_at = match due {
                        Due::After(duration) => state.now + duration,
                        Due::At(at) => at,
                    };
                    let timer_id = state.take_id();
                    state.wait(timer_id, cx.waker());
                    let location = this.location;
                    state.asked.push_back(Asked::StartTimer { timer_id, fires_at, location });
                    timer_id
                });
                this.state = TimerWait::Waiting(id);
                Poll::Pending
            }
            TimerWait::Waiting(id) => {
                match this.core.with(|state| state.take_resolution(id, cx.waker())) {
                    None => Poll::Pending,
                    Some(_) => {
                        this.state = TimerWait::Done;
                        Poll::Ready(())
                    }
                }
            }
            TimerWait::Done => Poll::Pending,
        }
    }
}

impl Drop for TimerFuture {
    fn drop(&mut self) {
        if let TimerWait::Waiting(id) = self.state {
            self.core.with(|state| state.abandon_timer(id));
        }
    }
}

/// The next signal of one name. Signals that came before anyone waited are buffered, and each is
/// handed to exactly one receiver, in the order in which they came.
#[must_use = "a signal is taken when it is awaited"]
pub struct SignalFuture<T> {
    core: Rc<Core>,
    name: &'static str,
    wait: Option<u64>,
    payload: PhantomData<fn() -> T>,
}

impl<T> SignalFuture<T> {
    pub(super) fn new(core: Rc<Core>, name: &'static str) -> Self {
        Self { core, name, wait: None, payload: PhantomData }
    }
}

impl<T: DeserializeOwned> Future for SignalFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if this.wait.is_none() && this.core.with(|state| state.scopes.holds_back(cx.waker())) {
            return Poll::Pending;
        }
        // Taken here and not handed over at delivery: a receiver that is dropped has taken nothing.
        while let Some(payload) = this.core.with(|state| state.take_signal(this.name)) {
            match payload.to() {
                Ok(signal) => return Poll::Ready(signal),
                Err(error) => tracing::warn!(
                    workflow_id = this.core.started.workflow_id,
                    signal = this.name,
                    %error,
                    "skipping a signal whose payload has another shape"
                ),
            }
        }
        this.wait =
            Some(this.core.with(|state| state.wait_signal(this.wait, this.name, cx.waker())));
        Poll::Pending
    }
}

impl<T> Drop for SignalFuture<T> {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            self.core.with(|state| state.end_signal_wait(wait));
        }
    }
}
