//! The durable execution engine: facts and decisions, the loop that drives them, and what users
//! write against.
//!
//! ```
//! use std::sync::Arc;
//!
//! use everstep_engine::{
//!     Activity, ActivityContext, ActivityError, Client, Engine, EngineConfig, Worker, Workflow,
//!     WorkflowContext, WorkflowError,
//! };
//! use everstep_storage::MemoryStore;
//!
//! const GREET: Workflow<String, String> = Workflow::new("greet");
//! const SPELL: Activity<String, String> = Activity::new("spell");
//!
//! async fn greet(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
//!     Ok(ctx.activity(SPELL, name).await?)
//! }
//!
//! async fn spell(_: ActivityContext, name: String) -> Result<String, ActivityError> {
//!     Ok(format!("Hello, {name}"))
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let worker = Worker::new().workflow(GREET, greet).activity(SPELL, spell);
//! let runtime = tokio::runtime::Handle::current();
//! let store = Arc::new(MemoryStore::new());
//! let engine = Engine::open(store, worker, EngineConfig::default(), runtime)?;
//!
//! let started = Client::new(engine).workflow(GREET, &"Ada".to_owned())?.start().await?;
//! assert_eq!(started.result().await?, "Hello, Ada");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Invariants
//!
//! - **No effect before its commit.** An activity runs, a caller is answered and a watcher is told
//!   only when the batch that holds the cause is durable.
//! - **One event at a time**, live exactly as in replay.
//! - **Memory is a cache of the store.** Every run can be dropped when its last change is durable,
//!   and comes back by replay.
//! - **Dropping cancels only inside a poll.** Eviction, panic, mismatch and shutdown cancel nothing.
//! - **Every open run has a waker**, and a run that could never wake says so.
//! - **A panic or a mismatch stops the run's task**, not the run and not the process.
//!
//! # Modules
//!
//! | module | what it owns |
//! | --- | --- |
//! | `batch` | one act on every run that a filter names, as a workflow |
//! | `principal` | who asks: [`Principal`], [`Role`] |
//! | [`kernel`] | the pure part: events, commands, `decide`, `apply` |
//! | `find` | what runs are found by, pure: filters, orders, typed attributes, fingerprints |
//! | `limits` | how large what goes in and out may be |
//! | `queue` | task queues, pure: limits, priority, fairness, why something waits |
//! | `runtime` | [`Engine`]: the loop, replay, attempts, timers, recovery, eviction |
//! | `sdk` | [`Worker`], [`WorkflowContext`], typed constants, durable futures, [`Client`] |
//! | [`testing`] | the test kit: scenarios on a skipping clock, crashes, replay |
//! | [`preflight`] | whether a build takes the recorded way of every run |
//! | `telemetry` | traces and the fields of log lines: [`TraceContext`], [`SpanSink`] |
//! | `view` | what is shown of runs: [`RunDescription`], [`RunPage`], [`HistoryPage`] |

pub mod kernel;

mod append_request;
mod batch;
mod failure;
mod find;
mod limits;
mod payload;
mod payload_reference;
pub mod preflight;
mod principal;
mod queue;
mod rejection;
mod request;
mod run_id;
mod runtime;
mod schedule;
mod sdk;
mod task_token;
mod telemetry;
pub mod testing;
mod timestamp;
mod view;

pub use append_request::{
    AnyVersion, AppendRequest, ConditionInput, EventInput, ExpectedVersion, QueryInput,
    QueryItemInput,
};
pub use batch::{BATCH_TYPE, BatchFailure, BatchOperation, BatchProgress, BatchRequest};
/// Events in streams: what is appended, read and asked for.
pub use everstep_storage::log;
pub use failure::Failure;
pub use find::{AttributeRange, FilterError, ListFilter, ListOrder, STUCK_ATTEMPTS, SortBy};
pub use kernel::{ClosePolicy, HistoryEvent, LONG_HISTORY_BYTES, LONG_HISTORY_EVENTS, RunStatus};
pub use limits::PayloadLimits;
pub use payload::Payload;
pub use payload_reference::{PayloadKind, PayloadReference};
pub use principal::{Denied, Principal, Role, UnknownRole};
pub use queue::{Dispatch, HeldBy, Priority, QueueLimits, Rule};
pub use rejection::Rejection;
pub use request::{
    DEFAULT_NAMESPACE, EventEdit, IdReuse, OnConflict, ResetRequest, Selector, SignalInput,
    StartRequest, Started, UpdateInput,
};
pub use run_id::RunId;
pub use runtime::{
    Change, ChangeKind, Clock, ContextRows, Engine, EngineConfig, EngineStats, LogSnapshot,
    NamespaceInfo, NamespaceSettings, OpenError, ReplayReport, RowPage, RowSnapshot, RunWatch,
    TransactError, replay_history,
};
pub use schedule::{
    Backfill, CalendarSpec, DEFAULT_CATCHUP_WINDOW_MS, Overlap, ScheduleAction, ScheduleCounters,
    ScheduleDefinition, ScheduleInput, ScheduleSpec,
};
pub use sdk::{
    Activity, ActivityContext, ActivityError, ActivityFuture, AttributeType, AttributeValue,
    BoundedContext, CONTEXT_ISOLATED, CancelScope, Cancelled, ChildError, ChildFuture, ChildHandle,
    ChildResultFuture, Client, ClientError, ContextReads, ContextRules, ContextTable, ContextTx,
    Counters, Either, EventLinks, Extension, ExternalError, ExternalFuture, ExternalWorkflow,
    IDEMPOTENCY_CONFLICTS, IdempotencyConflict, Keys, Query, Retry, RowId, RunEnd, RunReset, Saga,
    Schedule, SearchAttribute, Signal, SignalFuture, StartBuilder, StartFuture, StartedFuture,
    StartedWorkflow, Table, TimerFuture, Transaction, TransactionContext, Update, UpdateFuture,
    UpdateReply, Worker, Workflow, WorkflowContext, WorkflowError, WorkflowHandle, join, join_all,
    race,
};
pub use task_token::{InvalidTaskToken, TaskToken};
pub use telemetry::{
    FinishedSpan, InvalidTraceContext, RunFields, SpanKind, SpanSink, SpanValue, TraceContext,
    with_run_fields,
};
pub use timestamp::Timestamp;
pub use view::{
    AppendReceipt, Awaiting, BatchDescription, BatchPage, CountGroup, EventOrigin, EventView,
    ExportError, ExportPage, ExportQuery, ExportedRun, GroupBy, HideValues, HistoryPage, LogPage,
    LoggedEvent, NameDescription, PendingActivityView, PendingChildView, PendingTimerView,
    PendingUpdateView, QueueDescription, RecordedPage, RunCounts, RunDescription, RunPage,
    RunResult, RunSummary, ScheduleDescription, ScheduleHealth, ScheduleHealthState, SchedulePage,
    ScheduledRun, ScopeDescription, StreamDescription, Triggered, Upcoming, UpdateState,
    UpdateStatus, push_event,
};
