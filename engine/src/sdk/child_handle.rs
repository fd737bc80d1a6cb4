//! A child that was started and is held on to: it goes on whether or not anyone waits for it, also
//! when the run continues as new.
//!
//! Invariant: dropping a handle, or a wait for its result, cancels nothing; that is what
//! [`ChildHandle::cancel`] is for.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::child::{Wait, outcome};
use super::core::{Core, Resolution};
use super::{ChildError, ChildFuture};

/// A child workflow that is started.
pub struct ChildHandle<O> {
    core: Rc<Core>,
    child_id: u32,
    workflow_id: String,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> ChildHandle<O> {
    pub(super) fn new(core: Rc<Core>, child_id: u32, workflow_id: String) -> Self {
        Self { core, child_id, workflow_id, output: PhantomData }
    }

    /// The child's workflow id.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// Waits for its outcome, which is given once.
    pub fn result(&self) -> ChildResultFuture<'_, O> {
        ChildResultFuture { handle: self, waiting: false }
    }

    /// Asks it to end in its own way.
    pub fn cancel(&self) {
        self.core.with(|state| state.cancel_child(self.child_id));
    }
}

/// The outcome of a child that is held on to.
#[must_use = "an outcome is taken when it is awaited"]
pub struct ChildResultFuture<'a, O> {
    handle: &'a ChildHandle<O>,
    waiting: bool,
}

impl<O: DeserializeOwned> Future for ChildResultFuture<'_, O> {
    type Output = Result<O, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ChildHandle { core, child_id, workflow_id, .. } = self.handle;
        let resolution = core.with(|state| state.take_resolution(*child_id, cx.waker()));
        self.waiting = resolution.is_none();
        match resolution {
            None => Poll::Pending,
            Some(resolution) => Poll::Ready(outcome(workflow_id, resolution)),
        }
    }
}

impl<O> Drop for ChildResultFuture<'_, O> {
    fn drop(&mut self) {
        if self.waiting {
            self.handle.core.with(|state| state.keep(self.handle.child_id));
        }
    }
}

/// A child's start. Given by [`ChildFuture::started`].
#[must_use = "a child is started when it is first awaited"]
pub struct StartedFuture<O> {
    core: Rc<Core>,
    wait: Wait,
    output: PhantomData<fn() -> O>,
}

impl<O> ChildFuture<O> {
    /// Waits only until the child is started, and holds on to it: from then on it is cancelled by
    /// [`ChildHandle::cancel`] and not by dropping.
    pub fn started(mut self) -> StartedFuture<O> {
        let wait = std::mem::replace(&mut self.wait, Wait::Done);
        StartedFuture { core: Rc::clone(&self.core), wait, output: PhantomData }
    }
}

impl<O: DeserializeOwned> Future for StartedFuture<O> {
    type Output = Result<ChildHandle<O>, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Poll::Ready(resolved) = this.wait.poll(&this.core, cx, true) else {
            return Poll::Pending;
        };
        let (child_id, workflow_id, resolution) = resolved?;
        Poll::Ready(match resolution {
            Resolution::Started(_) => {
                this.core.with(|state| state.keep(child_id));
                Ok(ChildHandle::new(Rc::clone(&this.core), child_id, workflow_id))
            }
            // It was not started.
            other => Err(match outcome::<serde::de::IgnoredAny>(&workflow_id, other) {
                Err(error) => error,
                Ok(_) => ChildError::invalid(&workflow_id, "internal", "an end before a start"),
            }),
        })
    }
}

impl<O> Drop for StartedFuture<O> {
    fn drop(&mut self) {
        if let Wait::Waiting { child_id, .. } = self.wait {
            self.core.with(|state| state.abandon_child(child_id));
        }
    }
}
