//! Publications: what one context tells others, tracked for each of them.
//!
//! ```
//! use everstep_engine::{Table, Worker};
//! use everstep_workflows::publication::{PublicationTarget, WorkerPublications};
//!
//! const SEEN: Table<u64> = Table::new("analytics", "seen");
//!
//! let worker = Worker::new().publish_to(
//!     PublicationTarget::new("analytics").events(["OrderSubmitted"]),
//!     |tx, event| tx.put(SEEN, &event.position().to_string(), &event.position()),
//! );
//! # drop(worker);
//! ```
//!
//! The commit of an event writes one row for each target that hears of it, and enqueues its delivery:
//! the outbox is the event's own commit. Deliveries of one event to different targets do not wait for
//! each other (their partition is `position:target`); each is a transaction of its own, in which the
//! target's rows and the row that says `delivered` are written together.
//!
//! Invariants: an event has as many rows as it has targets, or is not there; a delivery that the row
//! calls `delivered` happened once; one that failed five times is a dead letter of kind `publication`.

mod outbox;
mod query;
mod record;
mod target;

pub use outbox::{PUBLICATION, WorkerPublications};
pub use query::{PublicationFilter, PublicationPage, list, of_event};
pub use record::{Publication, PublicationStatus};
pub use target::PublicationTarget;
