//! Intents: what is begun is written down as an event, and so is how it ended, or that it never did.
//!
//! ```
//! use std::time::Duration;
//! use everstep_engine::Worker;
//! use everstep_workflows::intent::{Intent, WorkerIntents};
//!
//! /// `OrderSubmissionStarted`, then one of the other three.
//! const SUBMISSION: Intent = Intent::new("OrderSubmissionStarted")
//!     .completed_by(&["OrderSubmitted", "OrderSubmissionFailed"])
//!     .abandoned_after(Duration::from_secs(300), "OrderSubmissionAbandoned");
//!
//! let worker = Worker::new().intent(SUBMISSION);
//! # drop(worker);
//! ```
//!
//! The beginning event names its intent in the field `intentKey` of its data, and so does the completing
//! one. Both are seen in their own commits: the first opens a row and starts its durable timer, the
//! second closes the row. When the time is over and the row is open, the event that says so is appended
//! in the commit that closes it.
//!
//! Invariant: an intent ends once: by the completion that came first, or by its time-out, never both.

mod rows;
mod watch;

pub use rows::{IntentPage, IntentRow, IntentState, open_intents};
pub use watch::{Intent, WorkerIntents};
