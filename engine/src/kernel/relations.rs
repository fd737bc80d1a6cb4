//! What ties one run to others: its parent, its children, and what it asked of strangers.
//!
//! Invariant: a run knows others only by what its own history says of them. What they answer
//! arrives as an [`Answer`], once, and is recorded before anyone acts on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Failure, IdReuse, OnConflict, Payload, RunId, RunStatus, SignalInput, Timestamp};

/// What happens to a child when its parent's chain has closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClosePolicy {
    /// It is terminated.
    #[default]
    Terminate,
    /// It is asked to cancel.
    Cancel,
    /// It goes on alone.
    Abandon,
}

impl ClosePolicy {
    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Cancel => "cancel",
            Self::Abandon => "abandon",
        }
    }
}

/// A start that a workflow asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildStart {
    /// The id of the workflow to start.
    pub workflow_id: String,
    /// Its registered type.
    pub workflow_type: Arc<str>,
    /// Its input.
    pub input: Payload,
    /// Started and let go: no child of the run, which only learns whether it was started.
    pub detached: bool,
    /// What happens to it when the run's chain closes.
    pub close_policy: ClosePolicy,
    /// Policy for an id whose run is closed.
    pub id_reuse: IdReuse,
    /// Policy for an id whose run is open; a child is never one that exists already.
    pub on_conflict: OnConflict,
    /// Milliseconds before its code runs first.
    pub start_delay_ms: Option<u64>,
    /// Milliseconds after which it is timed out.
    pub execution_timeout_ms: Option<u64>,
    /// Its memo, a JSON object.
    pub memo: Option<Payload>,
    /// Attributes that the list can filter by.
    pub search_attributes: BTreeMap<String, Payload>,
    /// A signal that it receives in the commit that starts it.
    pub signal: Option<SignalInput>,
}

/// Whose child a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent's workflow id.
    pub workflow_id: String,
    /// The run that asked for the child.
    pub run_id: RunId,
    /// The first run of the parent's chain, to which the child belongs.
    pub first_run_id: RunId,
    /// The child's id within the chain.
    pub child_id: u32,
}

/// A child that has not closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingChild {
    /// The child's workflow id.
    pub workflow_id: String,
    /// Its type.
    pub workflow_type: Arc<str>,
    /// What happens to it when the chain closes.
    pub close_policy: ClosePolicy,
    /// Started and let go.
    pub detached: bool,
    /// When the code asked for it.
    pub initiated_at: Timestamp,
    /// Its first run, once it is started.
    pub run_id: Option<RunId>,
    /// Whether the code no longer wants it.
    pub cancel_requested: bool,
    /// The run of the chain that asked for it, where the history says which one that was.
    #[serde(skip)]
    pub asked_by: Option<RunId>,
}

/// Something asked of a run that is no child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternalRequest {
    /// The workflow that is addressed.
    pub workflow_id: String,
    /// One run of it; none for the newest.
    pub run_id: Option<RunId>,
    /// What is asked.
    pub ask: ExternalAsk,
}

/// What a run can ask of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExternalAsk {
    /// Receive a signal.
    Signal(SignalInput),
    /// End in your own way.
    Cancel,
    /// End now.
    Terminate {
        /// Why.
        reason: String,
    },
}

/// The kinds of [`ExternalAsk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExternalKind {
    /// A signal.
    Signal,
    /// A request to cancel.
    Cancel,
    /// A termination.
    Terminate,
}

impl ExternalAsk {
    /// Its kind.
    pub const fn kind(&self) -> ExternalKind {
        match self {
            Self::Signal(_) => ExternalKind::Signal,
            Self::Cancel => ExternalKind::Cancel,
            Self::Terminate { .. } => ExternalKind::Terminate,
        }
    }
}

/// A request to another run that was not answered yet.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingRequest {
    /// The workflow that is addressed.
    pub workflow_id: String,
    /// What is asked.
    pub kind: ExternalKind,
    /// When.
    pub requested_at: Timestamp,
    /// The run of the chain that asked, where the history says which one that was.
    pub asked_by: Option<RunId>,
}

/// What another run tells this one, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The start that was asked for has happened.
    Started {
        /// Which one.
        child_id: u32,
        /// The run.
        run_id: RunId,
    },
    /// It was refused.
    StartFailed {
        /// Which one.
        child_id: u32,
        /// Why.
        failure: Failure,
    },
    /// The child's chain has closed.
    Closed {
        /// Which child.
        child_id: u32,
        /// Its first run.
        run_id: RunId,
        /// How; never `running`, `paused` or `continued_as_new`.
        status: RunStatus,
        /// What it returned, when `completed`.
        result: Option<Payload>,
        /// Why it did not return.
        failure: Option<Failure>,
    },
    /// The request to another run was taken.
    Delivered {
        /// Which one.
        request_id: u32,
    },
    /// It was refused.
    Refused {
        /// Which one.
        request_id: u32,
        /// Why.
        failure: Failure,
    },
}
