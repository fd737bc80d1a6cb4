//! Workflows that a workflow starts: children, whose outcome it waits for, and detached ones, which
//! it only starts.
//!
//! Invariant: a child is asked for at the first poll. Dropped while it waits, the future asks the
//! child to cancel; a detached start that was asked for cannot be taken back.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call_options::millis;
use super::core::{Asked, Core, Resolution};
use super::{Signal, WorkflowError};
use crate::kernel::{ChildStart, ClosePolicy};
use crate::{Failure, IdReuse, OnConflict, Payload, RunId, RunStatus, SignalInput};

/// Why a child gave no result, or why a start was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildError {
    /// The child's workflow id.
    workflow_id: String,
    status: Option<RunStatus>,
    /// Boxed, so that a result is not as large as its rare error.
    failure: Box<Failure>,
}

impl ChildError {
    /// The child's workflow id.
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// How the child ended; none when it was never started.
    pub const fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// The child's failure as it is journaled, or the refusal, whose type is the code that a
    /// caller from outside would get (`workflow_already_running`, …).
    pub const fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure's type.
    pub fn kind(&self) -> &str {
        &self.failure.kind
    }

    pub(super) fn invalid(workflow_id: &str, kind: &str, error: impl fmt::Display) -> Self {
        let failure = Failure::new(kind, error.to_string()).non_retryable();
        let (workflow_id, failure) = (workflow_id.to_owned(), Box::new(failure));
        Self { workflow_id, status: None, failure }
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow_id, status, failure } = self;
        match status {
            None => write!(f, "child workflow `{workflow_id}` was not started: ")?,
            Some(status) => write!(f, "child workflow `{workflow_id}` {status}: ")?,
        }
        write!(f, "{}: {}", failure.kind, failure.message)
    }
}

/// The workflow fails as its child did: with its failure's type and details, and a message that
/// names the child.
impl From<ChildError> for WorkflowError {
    fn from(error: ChildError) -> Self {
        let message = error.to_string();
        Self::Failed(Failure { message, ..*error.failure })
    }
}

pub(super) struct NewChild {
    workflow_id: Option<String>,
    start: Result<ChildStart, String>,
    location: &'static Location<'static>,
}

impl NewChild {
    fn set(&mut self, set: impl FnOnce(&mut ChildStart)) {
        if let Ok(start) = &mut self.start {
            set(start);
        }
    }

    /// Asks for the start; the id under which it is known from now on.
    fn ask(
        self,
        core: &Rc<Core>,
        cx: &Context<'_>,
        until_started: bool,
    ) -> Result<(u32, String), ChildError> {
        let given = self.workflow_id;
        let mut start = self.start.map_err(|error| {
            ChildError::invalid(given.as_deref().unwrap_or("?"), "invalid_input", error)
        })?;
        Ok(core.with(|state| {
            let child_id = state.take_id();
            // The same in every replay, and no other run's: run ids are unique.
            start.workflow_id =
                given.unwrap_or_else(|| format!("{}-{child_id}", core.started.run_id));
            let workflow_id = start.workflow_id.clone();
            state.wait_child(child_id, until_started, cx.waker());
            let (start, location) = (Box::new(start), self.location);
            state.asked.push_back(Asked::StartChild { child_id, start, location });
            (child_id, workflow_id)
        }))
    }
}

pub(super) enum Wait {
    New(Box<NewChild>),
    Waiting { child_id: u32, workflow_id: String },
    Done,
}

impl Wait {
    fn new<I: Serialize>(
        workflow_type: &str,
        input: &I,
        detached: bool,
        location: &'static Location<'static>,
    ) -> Self {
        let start = Payload::from_value(input).map(|input| ChildStart {
            workflow_id: String::new(),
            workflow_type: workflow_type.into(),
            input,
            detached,
            close_policy: ClosePolicy::default(),
            id_reuse: IdReuse::default(),
            on_conflict: OnConflict::default(),
            start_delay_ms: None,
            execution_timeout_ms: None,
            memo: None,
            search_attributes: Default::default(),
            signal: None,
        });
        let start = start.map_err(|error| error.to_string());
        Self::New(Box::new(NewChild { workflow_id: None, start, location }))
    }

    fn set(&mut self, set: impl FnOnce(&mut ChildStart)) {
        if let Self::New(child) = self {
            child.set(set);
        }
    }

    /// Polls until the slot is resolved: by the start, or by the end.
    pub(super) fn poll(
        &mut self,
        core: &Rc<Core>,
        cx: &Context<'_>,
        until_started: bool,
    ) -> Poll<Result<(u32, String, Resolution), ChildError>> {
        match std::mem::replace(self, Self::Done) {
            Self::New(child) if core.with(|state| state.scopes.holds_back(cx.waker())) => {
                *self = Self::New(child);
                Poll::Pending
            }
            Self::New(child) => {
                let (child_id, workflow_id) = child.ask(core, cx, until_started)?;
                *self = Self::Waiting { child_id, workflow_id };
                Poll::Pending
            }
            Self::Waiting { child_id, workflow_id } => {
                match core.with(|state| state.take_resolution(child_id, cx.waker())) {
                    Some(resolution) => {
                        let recorded = core.with(|state| state.recorded_ids.remove(&child_id));
                        let workflow_id = recorded.unwrap_or(workflow_id);
                        Poll::Ready(Ok((child_id, workflow_id, resolution)))
                    }
                    None => {
                        *self = Self::Waiting { child_id, workflow_id };
                        Poll::Pending
                    }
                }
            }
            Self::Done => Poll::Pending,
        }
    }
}

macro_rules! options {
    () => {
        /// The id of the workflow to start; one is derived from the run where none is given.
        pub fn id(mut self, workflow_id: impl Into<String>) -> Self {
            if let Wait::New(child) = &mut self.wait {
                child.workflow_id = Some(workflow_id.into());
            }
            self
        }

        /// Policy for an id whose run is closed.
        pub fn id_reuse(mut self, id_reuse: IdReuse) -> Self {
            self.wait.set(|start| start.id_reuse = id_reuse);
            self
        }

        /// How long before its code runs first.
        pub fn start_delay(mut self, delay: Duration) -> Self {
            self.wait.set(|start| start.start_delay_ms = Some(millis(delay)));
            self
        }

        /// How long it may take, whatever it continues as.
        pub fn execution_timeout(mut self, timeout: Duration) -> Self {
            self.wait.set(|start| start.execution_timeout_ms = Some(millis(timeout)));
            self
        }

        /// A JSON object that is shown and returned, not searched.
        pub fn memo(mut self, memo: Payload) -> Self {
            self.wait.set(|start| start.memo = Some(memo));
            self
        }

        /// An attribute that the list can filter by.
        pub fn search_attribute(mut self, name: impl Into<String>, value: Payload) -> Self {
            self.wait.set(|start| drop(start.search_attributes.insert(name.into(), value)));
            self
        }
    };
}

/// The outcome of a child workflow.
#[must_use = "a child is started when it is first awaited"]
pub struct ChildFuture<O> {
    pub(super) core: Rc<Core>,
    pub(super) wait: Wait,
    output: PhantomData<fn() -> O>,
}

impl<O> ChildFuture<O> {
    pub(super) fn new<I: Serialize>(
        core: Rc<Core>,
        workflow_type: &str,
        input: &I,
        location: &'static Location<'static>,
    ) -> Self {
        let wait = Wait::new(workflow_type, input, false, location);
        Self { core, wait, output: PhantomData }
    }

    options!();

    /// What happens to the child when this workflow closes first; by default it is terminated.
    pub fn close_policy(mut self, policy: ClosePolicy) -> Self {
        self.wait.set(|start| start.close_policy = policy);
        self
    }
}

impl<O: DeserializeOwned> Future for ChildFuture<O> {
    type Output = Result<O, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = this.wait.poll(&this.core, cx, false);
        polled.map(|resolved| {
            let (_, workflow_id, resolution) = resolved?;
            outcome(&workflow_id, resolution)
        })
    }
}

/// What a child's end means to who waits for it.
pub(super) fn outcome<O: DeserializeOwned>(
    workflow_id: &str,
    resolution: Resolution,
) -> Result<O, ChildError> {
    let (status, failure) = match resolution {
        Resolution::Completed(result) => {
            return result.to().map_err(|error| {
                let error = format!("the result has another shape: {error}");
                ChildError::invalid(workflow_id, "invalid_result", error)
            });
        }
        Resolution::Ended(status, failure) => (Some(status), failure),
        Resolution::Failed(failure) => (None, failure),
        Resolution::Cancelled | Resolution::Fired | Resolution::Started(_) => {
            let failure = Failure::new("cancelled", "the child ended as it was asked to");
            (Some(RunStatus::Cancelled), Box::new(failure))
        }
    };
    Err(ChildError { workflow_id: workflow_id.to_owned(), status, failure })
}

impl<O> Drop for ChildFuture<O> {
    fn drop(&mut self) {
        if let Wait::Waiting { child_id, .. } = self.wait {
            self.core.with(|state| state.abandon_child(child_id));
        }
    }
}

/// A workflow that another one started and let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedWorkflow {
    /// Its id.
    pub workflow_id: String,
    /// Its run.
    pub run_id: RunId,
}

/// A start whose outcome is only whether it happened.
#[must_use = "nothing is started before it is awaited"]
pub struct StartFuture {
    core: Rc<Core>,
    wait: Wait,
}

impl StartFuture {
    pub(super) fn new<I: Serialize>(
        core: Rc<Core>,
        workflow_type: &str,
        input: &I,
        location: &'static Location<'static>,
    ) -> Self {
        Self { core, wait: Wait::new(workflow_type, input, true, location) }
    }

    options!();

    /// Policy for an id whose run is open.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.wait.set(|start| start.on_conflict = on_conflict);
        self
    }

    /// A signal that it receives in the commit that starts it, or, with
    /// [`OnConflict::UseExisting`], that the open run receives.
    pub fn with_signal<T: Serialize>(mut self, signal: Signal<T>, payload: &T) -> Self {
        if let Wait::New(child) = &mut self.wait {
            match Payload::from_value(payload) {
                Ok(payload) => {
                    let signal = SignalInput { name: signal.name().to_owned(), payload };
                    child.set(|start| start.signal = Some(signal));
                }
                Err(error) => child.start = Err(error.to_string()),
            }
        }
        self
    }
}

impl Future for StartFuture {
    type Output = Result<StartedWorkflow, ChildError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Poll::Ready(resolved) = this.wait.poll(&this.core, cx, true) else {
            return Poll::Pending;
        };
        let (_, workflow_id, resolution) = resolved?;
        Poll::Ready(match resolution {
            Resolution::Started(run_id) => Ok(StartedWorkflow { workflow_id, run_id }),
            Resolution::Failed(failure) => Err(ChildError { workflow_id, status: None, failure }),
            _ => Err(ChildError::invalid(&workflow_id, "internal", "a start with an outcome")),
        })
    }
}

impl Drop for StartFuture {
    fn drop(&mut self) {
        if let Wait::Waiting { child_id, .. } = self.wait {
            self.core.with(|state| state.forget(child_id));
        }
    }
}
