//! Sagas: steps over several contexts, undone in reverse when one of them fails for good.
//!
//! ```
//! use everstep_engine::{
//!     Activity, ActivityContext, ActivityError, Worker, Workflow, WorkflowContext, WorkflowError,
//! };
//! use everstep_workflows::saga::{WorkerSagas, saga};
//!
//! const TRIP: Workflow<String, ()> = Workflow::new("trip");
//! const BOOK: Activity<String, ()> = Activity::new("book");
//! const CANCEL: Activity<String, ()> = Activity::new("cancel_booking");
//!
//! async fn trip(ctx: &WorkflowContext, city: String) -> Result<(), WorkflowError> {
//!     saga(ctx, async |saga| {
//!         saga.compensate(CANCEL, format!("hotel in {city}"));
//!         saga.step("book a hotel", ctx.activity(BOOK, format!("hotel in {city}"))).await?;
//!         saga.compensate(CANCEL, format!("flight to {city}"));
//!         saga.step("book a flight", ctx.activity(BOOK, format!("flight to {city}"))).await?;
//!         Ok(())
//!     })
//!     .await
//! }
//!
//! let worker = Worker::new().workflow(TRIP, trip).saga(TRIP);
//! # drop(worker);
//! ```
//!
//! Every saga has a row that says how far it is:
//!
//! ```text
//!  pending ──► running ──► completed
//!                 │ ──────► failed        its run was terminated, timed out, or failed outside
//!                 ▼
//!            compensating ──► compensated
//!                 │  ▲
//!                 └──┘ stuck: a compensation failed for good and waits for somebody's decision
//! ```
//!
//! Invariants: the last word on a saga is written in the commit that ends its run, by a hook of the
//! run's end and not by its code; a compensation that failed for good is never passed over in
//! silence: the saga stays where it is until somebody has it tried again or decides that it need
//! not be.

mod commands;
mod progress;
mod query;
mod rows;
mod run;
mod start;
mod status;
mod worker;

pub use commands::UndoSagaByCommand;
pub use progress::{Rung, RungState, SagaProgress};
pub use query::{SagaFilter, SagaPage, list, progress, show};
pub use rows::{COMPENSATION, find, retry, skip};
pub use run::{SagaRun, saga};
pub use start::{SagaStart, request_if_not_exists, start_if_not_exists};
pub use status::{SAGA_STATUS, SagaRecord, SagaStatus, Stuck};
pub use worker::{WorkerSagas, is_declared};
