//! Process managers: what one context does because something happened in another, as commands.
//!
//! ```
//! use everstep_workflows::process_manager::{Emitted, ProcessManager, WorkerProcessManagers};
//! use everstep_engine::Worker;
//! use serde_json::json;
//!
//! let thanks = ProcessManager::new("thanksOnPayment", "mailing")
//!     .on(["PaymentCompleted"])
//!     .emits(["SendMail"])
//!     .correlated_by("order")
//!     .decide(async |seen| {
//!         let order = seen.correlation().to_owned();
//!         Ok(vec![Emitted::new("SendMail", &json!({ "order": order, "text": "thank you" }))?])
//!     });
//! let worker = Worker::new().process_manager(thanks);
//! # drop(worker);
//! ```
//!
//! It is a subscription: each event is handed to it until it has dealt with it, those of one
//! correlation (a tag such as `order:7`) one after the other. It has no steps of its own and nothing
//! to undo; for that there are sagas.
//!
//! Invariants: a command has an id that follows from the manager and the event, so that an event that
//! comes twice, or a crash between a command and the subscription's checkpoint, sends it once; what is
//! decided on rows that do not know of the event yet is not decided but tried again.

mod manager;
mod registry;
mod seen;

pub use manager::ProcessManager;
pub use registry::{ProcessManagerInfo, ProcessManagers, WorkerProcessManagers, redeliver};
pub use seen::{Emitted, Seen};
