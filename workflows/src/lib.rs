//! Long-lived processes that workflows are made of: plain async functions over a
//! [`WorkflowContext`](everstep_engine::WorkflowContext).
//!
//! ```
//! use std::time::Duration;
//! use everstep_engine::{Signal, Worker, Workflow, WorkflowContext, WorkflowError};
//! use everstep_workflows::{Approval, approval};
//!
//! const PUBLISH: Workflow<String, String> = Workflow::new("publish");
//! const APPROVED: Signal<String> = Signal::new("approved");
//!
//! async fn publish(ctx: &WorkflowContext, text: String) -> Result<String, WorkflowError> {
//!     match approval(ctx, APPROVED, ctx.now() + Duration::from_secs(3600)).await {
//!         Approval::Approved(editor) => Ok(format!("{text} (approved by {editor})")),
//!         Approval::Expired => Err("nobody approved in time".into()),
//!     }
//! }
//!
//! let worker = Worker::new().workflow(PUBLISH, publish).signal(PUBLISH, APPROVED);
//! # drop(worker);
//! ```
//!
//! # Invariants
//!
//! - Nothing in here keeps state of its own: all of it is in histories, and in rows that are written
//!   in the commit of what they tell of.
//! - Time is the run's time; a deadline that passed while the server was down has passed.
//!
//! # Map
//!
//! - [`agent`]: patterns in events, models and rules, commands and approvals.
//! - `approval`: a signal raced against a deadline.
//! - [`intent`]: what is begun and how it ended, as events; what never ended.
//! - [`process_manager`]: commands because of events.
//! - [`publication`]: what one context tells others, tracked for each of them.
//! - [`projections`]: read models of events, in four categories.
//! - [`projection_replay`]: read models made anew from their events, beside those that are read.
//! - [`saga`]: steps that are undone in reverse, with a status that stands with the run's end.
//! - [`subscriptions`]: groups of consumers that share the events of the log.

pub mod agent;
mod approval;
pub mod intent;
pub mod process_manager;
pub mod projection_replay;
pub mod projections;
pub mod publication;
pub mod saga;
pub mod subscriptions;

pub use approval::{Approval, approval};
