//! What a workflow asks of others that it has not started: signals, cancellation, termination.
//!
//! Invariant: a request is made at the first poll and cannot be taken back; it resolves when the
//! other run has it in its history, or has refused it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::core::{Asked, Core, Resolution};
use super::{Signal, WorkflowError};
use crate::kernel::{ExternalAsk, ExternalRequest};
use crate::{Failure, Payload, RunId, SignalInput};

/// Another workflow, by its id. Given by [`WorkflowContext::workflow`](super::WorkflowContext::workflow).
pub struct ExternalWorkflow {
    core: Rc<Core>,
    workflow_id: String,
    run_id: Option<RunId>,
}

impl ExternalWorkflow {
    pub(super) const fn new(core: Rc<Core>, workflow_id: String) -> Self {
        Self { core, workflow_id, run_id: None }
    }

    /// One run of it instead of the newest.
    #[must_use]
    pub const fn run(mut self, run_id: RunId) -> Self {
        self.run_id = Some(run_id);
        self
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal<T: Serialize>(&self, signal: Signal<T>, payload: &T) -> ExternalFuture {
        let signal = Payload::from_value(payload).map(|payload| {
            ExternalAsk::Signal(SignalInput { name: signal.name().into(), payload })
        });
        self.ask(signal.map_err(|error| error.to_string()), Location::caller())
    }

    /// Sends it a signal whose name is known only when the code runs.
    #[track_caller]
    pub fn signal_named(&self, name: impl Into<String>, payload: Payload) -> ExternalFuture {
        let signal = SignalInput { name: name.into(), payload };
        self.ask(Ok(ExternalAsk::Signal(signal)), Location::caller())
    }

    /// Asks it to end in its own way.
    #[track_caller]
    pub fn cancel(&self) -> ExternalFuture {
        self.ask(Ok(ExternalAsk::Cancel), Location::caller())
    }

    /// Ends it at once.
    #[track_caller]
    pub fn terminate(&self, reason: impl Into<String>) -> ExternalFuture {
        self.ask(Ok(ExternalAsk::Terminate { reason: reason.into() }), Location::caller())
    }

    fn ask(
        &self,
        ask: Result<ExternalAsk, String>,
        location: &'static Location<'static>,
    ) -> ExternalFuture {
        let (workflow_id, run_id) = (self.workflow_id.clone(), self.run_id);
        let request = ask.map(|ask| Box::new(ExternalRequest { workflow_id, run_id, ask }));
        ExternalFuture { core: Rc::clone(&self.core), wait: Wait::New(request, location) }
    }
}

/// Why another workflow did not take a request. Its type is the code that a caller from outside
/// would get: `workflow_not_found`, `workflow_closed`, …
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalError {
    failure: Failure,
}

impl ExternalError {
    /// The refusal as it is journaled.
    pub const fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The refusal's code.
    pub fn kind(&self) -> &str {
        &self.failure.kind
    }
}

impl fmt::Display for ExternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure.kind, self.failure.message)
    }
}

impl From<ExternalError> for WorkflowError {
    fn from(error: ExternalError) -> Self {
        Self::Failed(error.failure)
    }
}

/// Whether another workflow took a request.
#[must_use = "nothing is asked before it is awaited"]
pub struct ExternalFuture {
    core: Rc<Core>,
    wait: Wait,
}

enum Wait {
    New(Result<Box<ExternalRequest>, String>, &'static Location<'static>),
    Waiting(u32),
    Done,
}

impl Future for ExternalFuture {
    type Output = Result<(), ExternalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match std::mem::replace(&mut this.wait, Wait::Done) {
            Wait::New(Err(error), _) => {
                let failure = Failure::new("invalid_input", error).non_retryable();
                Poll::Ready(Err(ExternalError { failure }))
            }
            Wait::New(Ok(request), location) => {
                let request_id = this.core.with(|state| {
                    let request_id = state.take_id();
                    state.wait(request_id, cx.waker());
                    state.asked.push_back(Asked::AskExternal { request_id, request, location });
                    request_id
                });
                this.wait = Wait::Waiting(request_id);
                Poll::Pending
            }
            Wait::Waiting(id) => {
                match this.core.with(|state| state.take_resolution(id, cx.waker())) {
                    None => {
                        this.wait = Wait::Waiting(id);
                        Poll::Pending
                    }
                    Some(Resolution::Failed(failure)) => {
                        Poll::Ready(Err(ExternalError { failure: *failure }))
                    }
                    Some(_) => Poll::Ready(Ok(())),
                }
            }
            Wait::Done => Poll::Pending,
        }
    }
}

impl Drop for ExternalFuture {
    fn drop(&mut self) {
        if let Wait::Waiting(id) = self.wait {
            self.core.with(|state| state.forget(id));
        }
    }
}
