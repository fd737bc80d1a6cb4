//! The pure decider: facts in, facts out.
//!
//! `decide` turns a command into events or refuses it; `apply` turns an event into state. Neither
//! touches a clock, a disk, randomness or an async runtime, so a run's state is always the fold of
//! its history and nothing else.

mod apply;
mod chain;
mod command;
mod deadline;
mod decide;
mod event;
mod relations;
mod retry;
mod run;
mod status;
mod tags;
mod values;

pub use apply::apply;
pub use chain::{Carried, Continuation, LONG_HISTORY_BYTES, LONG_HISTORY_EVENTS};
pub use command::Command;
pub use deadline::{ActivityTimeout, Deadline};
pub(crate) use decide::LOST;
pub use decide::decide;
pub use event::{
    ActivityOptions, HistoryEvent, Recorded, ResetOrigin, TaskFailure, TaskFailureKind,
    UpdateAccepted, UpdateCompleted, WorkflowStarted,
};
pub use relations::{
    Answer, ChildStart, ClosePolicy, ExternalAsk, ExternalKind, ExternalRequest, ParentLink,
    PendingChild, PendingRequest,
};
pub use retry::RetryPolicy;
pub(crate) use retry::mix;
pub use run::{ActivityState, PendingActivity, PendingTimer, PendingUpdate, Run, RunTags, Waker};
pub use status::RunStatus;
pub(crate) use values::{ValueMut, visit_failure};
