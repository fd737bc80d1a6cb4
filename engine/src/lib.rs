//! The durable execution engine: facts and decisions, the loop that drives them, and what users
//! write against.
mod failure;
pub mod kernel;
mod payload;
mod rejection;
mod request;
mod run_id;
mod runtime;
mod sdk;
mod timestamp;
mod view;

pub use failure::Failure;
pub use kernel::{HistoryEvent, RunStatus};
pub use payload::Payload;
pub use rejection::Rejection;
pub use request::{
    DEFAULT_NAMESPACE, IdReuse, ListFilter, OnConflict, Selector, SignalInput, StartRequest,
    Started,
};
pub use run_id::RunId;
pub use runtime::*;
pub use sdk::{
    Activity, ActivityContext, ActivityError, ActivityFuture, Cancelled, Client, ClientError,
    Either, Query, Retry, Saga, Signal, SignalFuture, StartBuilder, TimerFuture, Worker, Workflow,
    WorkflowContext, WorkflowError, WorkflowHandle, join, join_all, race,
};
pub use timestamp::Timestamp;
pub use view::*;
