//! Work that is done later, in the order of its partition: each item in a transaction of its own, tried
//! again with a pause, and given up into a dead letter.
//!
//! ```
//! use everstep_activities::dead_letters::DeadLetterKind;
//! use everstep_activities::work_queue::{self, NewWork, Patience, WorkKind, WorkerQueue};
//! use everstep_engine::{ActivityError, Table, TransactionContext, Worker};
//! use serde_json::json;
//!
//! const STAMP: WorkKind = WorkKind::new(DeadLetterKind::new("stamp"), Patience::DEFAULT);
//! const STAMPED: Table<bool> = Table::new("post", "stamped");
//!
//! /// In the transaction that knows that a letter has to be stamped.
//! fn received(tx: &mut TransactionContext<'_>, letter: &str) -> Result<(), ActivityError> {
//!     work_queue::enqueue(tx, NewWork::new(STAMP, "desk:1", letter, "desk").payload(json!({})))
//! }
//!
//! let worker = Worker::new().work(STAMP, |tx: &mut TransactionContext<'_>, item: &work_queue::WorkItem| {
//!     tx.put(STAMPED, &item.source, &true)
//! });
//! # drop((worker, received));
//! ```
//!
//! A partition is a lane: a workflow that takes its items one after the other, and ends when there are
//! none. An item begins with the commit of the transaction that enqueued it, so it is the outbox of
//! whatever that transaction did.
//!
//! Invariants: the items of one partition are done in the order in which they were enqueued, and the
//! next one begins when the one before is done or given up; what an attempt writes, its outcome and a
//! dead letter are one commit.

mod item;
mod kind;
mod lane;

pub use item::{NewWork, Patience, WorkItem};
pub use kind::{Work, WorkKind, WorkQueue, WorkerQueue};
pub use lane::enqueue;
