//! What activities and workflows return when they do not succeed.

use std::fmt;

use super::Cancelled;
use crate::{Failure, Payload};

/// Why an activity failed: returned by activity code, received by workflow code.
///
/// Any `std::error::Error` converts into one by `?`; it is retried unless the policy or
/// [`ActivityError::non_retryable`] says otherwise.
#[derive(Clone, PartialEq)]
pub struct ActivityError {
    failure: Failure,
}

impl ActivityError {
    /// The kind of a step whose type the worker does not register.
    pub const UNKNOWN_TYPE: &str = "unknown_activity";

    /// A failure of a stable `kind` that code can decide by.
    pub fn new(kind: impl Into<String>, message: impl fmt::Display) -> Self {
        Failure::new(kind, message.to_string()).into()
    }

    /// The activity ended because it was asked to.
    pub fn cancelled() -> Self {
        Self::new(CANCELLED, "the activity was cancelled")
    }

    /// Returned by an activity whose outcome will be reported from outside, under the attempt's
    /// [`task_token`](crate::ActivityContext::task_token): the attempt goes on without code, over
    /// restarts, until it is completed or failed by the token or runs out of time.
    pub fn completed_from_outside() -> Self {
        Self::new(HANDED_OVER, "the attempt is completed from outside")
    }

    /// No retry can help.
    #[must_use]
    pub fn non_retryable(self) -> Self {
        self.failure.non_retryable().into()
    }

    /// Adds a JSON object whose fields stand beside the failure's own.
    #[must_use]
    pub fn with_details(self, details: Payload) -> Self {
        self.failure.with_details(details).into()
    }

    /// The failure as it is journaled.
    pub const fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The failure's type.
    pub fn kind(&self) -> &str {
        &self.failure.kind
    }

    /// Whether it ended because it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.failure.kind == CANCELLED
    }

    pub(crate) fn into_failure(self) -> Failure {
        self.failure
    }
}

/// The failure type of an activity that ended because it was asked to.
pub(crate) const CANCELLED: &str = "cancelled";
/// What an attempt returns whose outcome is reported from outside.
pub(crate) const HANDED_OVER: &str = "completed_from_outside";

impl From<Failure> for ActivityError {
    fn from(failure: Failure) -> Self {
        Self { failure }
    }
}

/// The failure's type is `error`; its message carries the error's sources.
impl<E: std::error::Error> From<E> for ActivityError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new("error", message)
    }
}

impl fmt::Display for ActivityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure.kind, self.failure.message)
    }
}

impl fmt::Debug for ActivityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a workflow ends without a result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WorkflowError {
    /// It failed; the run's status is `failed`.
    Failed(Failure),
    /// It ended because it was asked to; the run's status is `cancelled`.
    Cancelled,
    /// It goes on as a new run with this input; see [`WorkflowContext::continue_as_new`].
    ///
    /// [`WorkflowContext::continue_as_new`]: super::WorkflowContext::continue_as_new
    ContinueAsNew(Payload),
}

impl WorkflowError {
    /// A failure of a stable `kind`.
    pub fn new(kind: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::Failed(Failure::new(kind, message.to_string()))
    }
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "{}: {}", failure.kind, failure.message),
            Self::Cancelled => f.write_str("cancelled"),
            Self::ContinueAsNew(_) => f.write_str("continues as a new run"),
        }
    }
}

impl From<ActivityError> for WorkflowError {
    fn from(error: ActivityError) -> Self {
        Self::Failed(error.into_failure())
    }
}

impl From<Cancelled> for WorkflowError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<Failure> for WorkflowError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A failure of type `error`.
impl From<&str> for WorkflowError {
    fn from(message: &str) -> Self {
        Self::new("error", message)
    }
}

/// A failure of type `error`.
impl From<String> for WorkflowError {
    fn from(message: String) -> Self {
        Self::new("error", message)
    }
}
