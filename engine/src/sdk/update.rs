//! Updates as code sees them: awaited, validated, answered.
//!
//! Invariant: an update is taken by the future that validates it, in one poll, so what code
//! has taken and what the history says are the same. What was taken is answered once; a reply that
//! is dropped unanswered while the code runs tells the caller so.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::WorkflowError;
use super::core::{Asked, Core};
use super::update_buffer::{Found, Offered, OfferedUpdate};
use crate::{Failure, Payload};

type Validator<'a, A> = Box<dyn Fn(&A) -> Result<(), Failure> + 'a>;

/// The next update of one name: its argument, and the [`UpdateReply`] that answers its caller.
/// Updates that came before anyone waited are kept, and come in the order of their arrival.
#[must_use = "an update is taken when it is awaited"]
pub struct UpdateFuture<'a, A, R> {
    core: Rc<Core>,
    name: &'static str,
    validator: Option<Validator<'a, A>>,
    wait: Option<u64>,
    answer: PhantomData<fn(R)>,
}

impl<'a, A, R> UpdateFuture<'a, A, R> {
    pub(super) fn new(core: Rc<Core>, name: &'static str) -> Self {
        Self { core, name, validator: None, wait: None, answer: PhantomData }
    }

    /// Turns down updates whose argument `validator` refuses: their callers are told why, nothing
    /// is recorded, and the wait goes on. It sees the workflow's own variables, must not change
    /// anything, and does not run in replay.
    pub fn validate<E: Into<WorkflowError>>(
        mut self,
        validator: impl Fn(&A) -> Result<(), E> + 'a,
    ) -> Self {
        self.validator = Some(Box::new(move |argument| {
            validator(argument).map_err(|error| match error.into() {
                WorkflowError::Failed(failure) => failure,
                // None of these is an answer to a caller.
                WorkflowError::Cancelled | WorkflowError::ContinueAsNew(_) => {
                    Failure::new("cancelled", "cancelled")
                }
            })
        }));
        self
    }
}

impl<A: DeserializeOwned, R> UpdateFuture<'_, A, R> {
    fn judge(&self, update: &OfferedUpdate) -> Result<A, Failure> {
        // The argument's type and the validator are the user's code: a panic turns down this one
        // update and leaves the workflow as it is.
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let argument = update.payload.to::<A>().map_err(|error| {
                Failure::new("invalid_argument", format!("the argument has another shape: {error}"))
            })?;
            self.validator.as_ref().map_or(Ok(()), |validate| validate(&argument))?;
            Ok(argument)
        }));
        judged.unwrap_or_else(|_| Err(Failure::new("panic", "the validator panicked")))
    }
}

impl<A: DeserializeOwned, R> Future for UpdateFuture<'_, A, R> {
    type Output = (A, UpdateReply<R>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.wait.is_none() && this.core.with(|state| state.scopes.holds_back(cx.waker())) {
            return Poll::Pending;
        }
        while let Some(found) = this.core.with(|state| state.updates_mut().find(this.name)) {
            match found {
                Found::Offered(update) => match this.judge(&update) {
                    Ok(argument) => {
                        this.core.with(|state| state.updates_mut().decide(Offered::Accepted));
                        let reply = UpdateReply::new(&this.core, update.update_id);
                        return Poll::Ready((argument, reply));
                    }
                    Err(failure) => {
                        let verdict = Offered::Rejected(Box::new(failure));
                        this.core.with(|state| state.updates_mut().decide(verdict));
                    }
                },
                Found::Recorded(update) => {
                    let reply = UpdateReply::new(&this.core, update.update_id);
                    match update.payload.to() {
                        Ok(argument) => return Poll::Ready((argument, reply)),
                        // The type has changed since: the history no longer fits the code.
                        Err(error) => reply.fail(WorkflowError::new("invalid_argument", error)),
                    }
                }
            }
        }
        let wait = this.core.with(|state| {
            state.waits_changed |= this.wait.is_none();
            let now = state.now;
            state.updates_mut().wait(this.wait, this.name, now, cx.waker())
        });
        this.wait = Some(wait);
        Poll::Pending
    }
}

impl<A, R> Drop for UpdateFuture<'_, A, R> {
    fn drop(&mut self) {
        if let Some(wait) = self.wait {
            self.core.with(|state| {
                state.updates_mut().end_wait(wait);
                state.waits_changed = true;
            });
        }
    }
}

/// Answers the caller of an update. The answer is durable with everything else that the code does
/// in the same turn.
#[must_use = "the caller waits for an answer"]
pub struct UpdateReply<R> {
    core: Rc<Core>,
    /// None once answered.
    update_id: Option<Arc<str>>,
    answer: PhantomData<fn(R)>,
}

impl<R> UpdateReply<R> {
    fn new(core: &Rc<Core>, update_id: Arc<str>) -> Self {
        Self { core: Rc::clone(core), update_id: Some(update_id), answer: PhantomData }
    }

    /// The id under which the update is deduplicated.
    pub fn update_id(&self) -> &str {
        self.update_id.as_deref().unwrap_or_default()
    }

    /// Tells the caller the result.
    pub fn answer(mut self, result: R)
    where
        R: Serialize,
    {
        let outcome = Payload::from_value(&result)
            .map_err(|error| Failure::new("invalid_result", error.to_string()));
        self.complete(outcome);
    }

    /// Tells the caller that it could not be done. To turn an update down before it is taken, use
    /// [`UpdateFuture::validate`].
    pub fn fail(mut self, error: impl Into<WorkflowError>) {
        let failure = match error.into() {
            WorkflowError::Failed(failure) => failure,
            // None of these is an answer to a caller.
            WorkflowError::Cancelled | WorkflowError::ContinueAsNew(_) => {
                Failure::new("cancelled", "cancelled")
            }
        };
        self.complete(Err(failure));
    }

    fn complete(&mut self, outcome: Result<Payload, Failure>) {
        let Some(update_id) = self.update_id.take() else { return };
        self.core.with(|state| {
            if state.is_polling() {
                let outcome = outcome.map_err(Box::new);
                state.asked.push_back(Asked::CompleteUpdate { update_id, outcome });
            }
        });
    }
}

impl<R> Drop for UpdateReply<R> {
    fn drop(&mut self) {
        if self.update_id.is_some() {
            let what = "the workflow dropped the update without an answer";
            self.complete(Err(Failure::new("unanswered", what)));
        }
    }
}
