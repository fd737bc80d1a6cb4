//! Why a request was refused: the caller's fault, or a server that cannot say yes now.
//!
//! Invariant: a refused request left nothing behind; the one exception is
//! [`Rejection::OutcomeUnknown`], which says so.

use crate::Failure;

/// A refusal. [`Rejection::code`] is stable; the message names the thing and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request makes no sense, whatever the state.
    #[error("{0}")]
    InvalidRequest(String),
    /// Understood, but this workflow cannot take it (an input of another shape, say).
    #[error("{0}")]
    Unprocessable(String),
    /// No worker in this server registers the type.
    #[error("workflow type `{0}` is not registered here; registered: {1}")]
    UnknownWorkflowType(String, String),
    /// No such workflow, or no such run of it.
    #[error("workflow `{0}` does not exist")]
    WorkflowNotFound(String),
    /// The id belongs to a run that is open.
    #[error("workflow `{0}` is already running as run {1}")]
    WorkflowAlreadyRunning(String, String),
    /// The id belongs to a closed run, and the reuse policy keeps it.
    #[error("workflow `{0}` already exists: run {1} is {2}, and `id_reuse` does not allow another")]
    WorkflowAlreadyExists(String, String, String),
    /// The run is closed.
    #[error("workflow `{0}` is closed ({1})")]
    WorkflowClosed(String, String),
    /// The task token names no attempt.
    #[error("task token `{0}` names no activity")]
    ActivityNotFound(String),
    /// The attempt that the task token names has ended.
    #[error(
        "attempt {attempt} of activity {activity_id} of workflow `{workflow_id}` has ended: it was \
         completed, ran out of time or was withdrawn"
    )]
    ActivityNotPending {
        /// The workflow that asked for the activity.
        workflow_id: String,
        /// The activity.
        activity_id: u32,
        /// The attempt that the token names.
        attempt: u32,
    },
    /// The workflow has published nothing under that name.
    #[error("workflow `{0}` has published nothing under query `{1}`")]
    QueryNotFound(String, String),
    /// The run has no such event, or the event no such payload.
    #[error("event {event_id} of workflow `{workflow_id}` has no payload {index}")]
    PayloadNotFound {
        /// The workflow's id.
        workflow_id: String,
        /// The event.
        event_id: u64,
        /// The payload's place in the event, from 0.
        index: u16,
    },
    /// The workflow's type declares no such update, or nothing is known under the update's id.
    #[error("{0}")]
    UpdateNotFound(String),
    /// The workflow's validator turned the update down.
    #[error("workflow `{workflow_id}` turned down update `{name}`: {why}")]
    UpdateRejected {
        /// The workflow's id.
        workflow_id: String,
        /// The update's name.
        name: String,
        /// What the validator said.
        why: String,
    },
    /// As many updates as one run may have wait for an answer.
    #[error(
        "workflow `{0}` has {1} updates that wait for an answer; send more once it has answered some"
    )]
    TooManyUpdates(String, usize),
    /// No such batch operation.
    #[error("batch `{0}` does not exist")]
    BatchNotFound(String),
    /// No such schedule.
    #[error("schedule `{0}` does not exist")]
    ScheduleNotFound(String),
    /// The id belongs to another schedule.
    #[error("schedule `{0}` already exists; update it, or delete it first")]
    ScheduleAlreadyExists(String),
    /// The same idempotency key came with another request before.
    #[error("idempotency key `{0}` was used before with another request")]
    IdempotencyConflict(String),
    /// The stream has another version than the writer knows.
    #[error("stream `{stream}` is at version {current}, not {expected}: read it and decide again")]
    VersionConflict {
        /// The stream.
        stream: String,
        /// The version that was expected.
        expected: u64,
        /// The version it has.
        current: u64,
    },
    /// The scope has another version than the writer knows.
    #[error("scope `{scope}` is at version {current}, not {expected}: read it and decide again")]
    ScopeVersionMismatch {
        /// The scope.
        scope: String,
        /// The version that was expected.
        expected: u64,
        /// The version it has.
        current: u64,
    },
    /// The text is no scope key.
    #[error("{0}")]
    InvalidScopeKey(String),
    /// An event matches the append's condition.
    #[error(
        "the event at position {0} matches the append's condition: read again and decide again"
    )]
    AppendConditionFailed(u64),
    /// Whoever has a say in what is appended does not let it in.
    #[error("{}", .0.message)]
    Vetoed(Box<Failure>),
    /// A payload is larger than the limit, in bytes.
    #[error("{what} has {bytes} bytes; the limit is {limit}")]
    PayloadTooLarge {
        /// What is too large, such as `signal payload`.
        what: String,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The run is open, and what was asked is for closed ones.
    #[error("workflow `{0}` is open ({1}): terminate it first")]
    WorkflowOpen(String, String),
    /// The run has no such activity that has not ended.
    #[error("workflow `{0}` has no pending activity `{1}`")]
    NoSuchActivity(String, u32),
    /// The activity does not wait for its next attempt.
    #[error("activity {1} of workflow `{0}` waits for no attempt: {2}")]
    ActivityNotWaiting(String, u32, &'static str),
    /// The run's code is not stuck.
    #[error("the code of workflow `{0}` has not failed: there is nothing to try again")]
    TaskNotFailed(String),
    /// No such namespace.
    #[error("namespace `{0}` does not exist")]
    NamespaceNotFound(String),
    /// The name is taken.
    #[error("namespace `{0}` already exists")]
    NamespaceAlreadyExists(String),
    /// It holds runs: what they are, and until when they go on.
    #[error("namespace `{0}` cannot be deleted: {1}")]
    NamespaceNotEmpty(String, String),
    /// A search attribute has a declared type, and this is another one.
    #[error("search attribute `{name}` is of type {wanted}, and {found} is none")]
    SearchAttributeType {
        /// The attribute.
        name: String,
        /// Its declared type.
        wanted: String,
        /// The value that was found, as JSON.
        found: String,
    },
    /// No index serves the order.
    #[error(
        "the list cannot be sorted by `{0}`; it can be by started_at, closed_at and attr.NAME, with \
         `-` in front for descending"
    )]
    UnsupportedSort(String),
    /// The server is starting, draining, full or stopped: nothing happened, try again.
    #[error("{0}")]
    Unavailable(String),
    /// The commit failed and nobody can say whether it is on disk: try again with the same key.
    #[error("the store stopped during the commit; whether it happened is unknown: {0}")]
    OutcomeUnknown(String),
    /// What was stored cannot be read: ours to mend, not the caller's.
    #[error("stored data of {0}")]
    Corrupt(String),
}

impl Rejection {
    /// The stable code of the HTTP API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::Unprocessable(_) | Self::Vetoed(_) => "invalid_request",
            Self::UnknownWorkflowType(..) => "unknown_workflow_type",
            Self::WorkflowNotFound(_) => "workflow_not_found",
            Self::WorkflowAlreadyRunning(..) => "workflow_already_running",
            Self::WorkflowAlreadyExists(..) => "workflow_already_exists",
            Self::WorkflowClosed(..) => "workflow_closed",
            Self::ActivityNotFound(_) | Self::NoSuchActivity(..) => "activity_not_found",
            Self::ActivityNotPending { .. } => "activity_not_pending",
            Self::QueryNotFound(..) => "query_not_found",
            Self::PayloadNotFound { .. } => "payload_not_found",
            Self::UpdateNotFound(_) => "update_not_found",
            Self::UpdateRejected { .. } => "update_rejected",
            Self::TooManyUpdates(..) => "too_many_updates",
            Self::BatchNotFound(_) => "batch_not_found",
            Self::ScheduleNotFound(_) => "schedule_not_found",
            Self::ScheduleAlreadyExists(_) => "schedule_already_exists",
            Self::IdempotencyConflict(_) => "idempotency_conflict",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::ScopeVersionMismatch { .. } => "SCOPE_VERSION_MISMATCH",
            Self::AppendConditionFailed(_) => "append_condition_failed",
            Self::InvalidScopeKey(_) => "INVALID_SCOPE_KEY_FORMAT",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::WorkflowOpen(..) => "workflow_open",
            Self::ActivityNotWaiting(..) => "activity_not_waiting",
            Self::TaskNotFailed(_) => "task_not_failed",
            Self::NamespaceNotFound(_) => "namespace_not_found",
            Self::NamespaceAlreadyExists(_) => "namespace_already_exists",
            Self::NamespaceNotEmpty(..) => "namespace_not_empty",
            Self::SearchAttributeType { .. } => "search_attribute_type",
            Self::UnsupportedSort(_) => "unsupported_sort",
            Self::Unavailable(_) => "unavailable",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

impl From<everstep_storage::StoreError> for Rejection {
    fn from(error: everstep_storage::StoreError) -> Self {
        match error {
            everstep_storage::StoreError::OutcomeUnknown { .. } => {
                Self::OutcomeUnknown(error.to_string())
            }
            everstep_storage::StoreError::Unreadable { .. } => Self::Corrupt(error.to_string()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
