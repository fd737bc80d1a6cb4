//! What users write against: typed constants, async functions and the context they are given.

mod activity_context;
mod cancel;
mod child;
mod client;
mod context;
mod contract;
mod core;
mod error;
mod external;
mod future;
mod join;
mod patch;
mod race;
mod saga;
mod tables;
mod transaction;
mod update;
mod update_buffer;
mod versions;
mod worker;

pub use activity_context::ActivityContext;
pub use cancel::Cancelled;
pub use child::{ChildError, ChildFuture, StartFuture, StartedWorkflow};
pub use client::{Client, ClientError, StartBuilder, WorkflowHandle};
pub use context::WorkflowContext;
pub use contract::{Activity, Query, Retry, Signal, Transaction, Update, Workflow};
pub use error::{ActivityError, WorkflowError};
pub use external::{ExternalError, ExternalFuture, ExternalWorkflow};
pub use future::{ActivityFuture, SignalFuture, TimerFuture};
pub use join::{join, join_all};
pub use race::{Either, race};
pub use saga::Saga;
pub use tables::{Counters, Keys, Table};
pub use transaction::TransactionContext;
pub use update::{UpdateFuture, UpdateReply};
pub use worker::Worker;

pub(crate) use self::core::{Asked, Awaited, Core, InlineStep};
pub(crate) use activity_context::ActivityCancel;
pub(crate) use cancel::root;
pub(crate) use error::CANCELLED;
pub(crate) use patch::Foresight;
pub(crate) use transaction::{Ask, RowChange, Rows, counter};
pub(crate) use update_buffer::{Offered, OfferedUpdate};
pub(crate) use versions::Unregistered;
pub(crate) use worker::{BoxedActivity, Registry, WorkflowEntry, WorkflowFuture};
