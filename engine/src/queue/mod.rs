//! Task queues: which activity's attempt may start next, and what holds the others back.
//!
//! A queue has limits (how many at once, how many a second, how many at once for one concurrency
//! key), five priorities, and within each priority fairness between keys by weight. Activities
//! that name no queue are never held back and cost nothing here.
//!
//! Invariant: pure. What waits and what runs is a function of the calls; the caller brings the
//! time. Whatever is offered is admitted once, withdrawn once, or waits, and the rule that holds it
//! back can be told at any moment.

mod bucket;
mod fairness;
mod limits;
mod rates;
mod task_queue;

pub use limits::{Dispatch, Priority, QueueLimits};
pub(crate) use task_queue::{Figures, Id, Item, TaskQueue};
pub use task_queue::{HeldBy, Rule};
