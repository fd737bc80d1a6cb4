//! Read models: rows that follow from events, kept inline or from a checkpoint, and read, listed
//! and followed by those whom their category allows.
//!
//! ```
//! use everstep_engine::Worker;
//! use everstep_workflows::projections::{Category, Projection, ProjectionWorker};
//!
//! /// How many orders each customer has.
//! const ORDERS: Projection<u64> = Projection::new("customerOrders", Category::View);
//!
//! let worker = Worker::new().projection(
//!     ORDERS
//!         .row(
//!             |event| event.tags().map(str::to_owned).collect::<Vec<_>>(),
//!             |orders, _event| Ok(Some(orders.unwrap_or(0) + 1)),
//!         )
//!         .events(["OrderSubmitted"]),
//! );
//! # drop(worker);
//! ```
//!
//! | category | kept | read by | followed | needs |
//! | --- | --- | --- | --- | --- |
//! | logic | inline | transactions | no | |
//! | view | from a checkpoint, or inline | clients | yes | |
//! | reporting | from a checkpoint | admins | no | |
//! | integration | from a checkpoint | nobody: other contexts get events | no | a contract |
//!
//! ```text
//! append ──► inline.rs: rows and checkpoint in the same transaction
//!    │
//!    └─ commit ──► service.rs ──► batch.rs: read, fold in parallel by row, one transaction
//!            │        └─ telling.rs: rows of integration projections, as events for other contexts
//!            └───► feed.rs: fold the same events onto what is durable, tell who follows
//! ```
//!
//! Invariants:
//! - rows and checkpoint stand in one transaction, so every event counts once;
//! - a row sees its events in their order, whichever streams they come from;
//! - the category alone decides who may read and who may follow.

pub(crate) mod batch;
mod category;
mod error;
mod feed;
pub(crate) mod fold;
pub(crate) mod index;
mod inline;
mod keeper;
mod projection;
pub(crate) mod quarantine;
mod recent;
pub(crate) mod registry;
pub(crate) mod rows;
pub(crate) mod service;
mod spec;
mod status;
mod telling;
mod view;

pub use category::{Category, Delivery};
pub use error::ProjectionError;
pub use feed::{Following, Frame, RowChange, Subscription};
pub use projection::{Complexity, Projection, ProjectionCode, TypedRows};
pub use quarantine::{Quarantined, Release};
pub use recent::RecentRow;
pub use registry::{ProjectionWorker, Projections};
pub use service::ProjectionService;
pub use spec::{Characteristics, ProjectionSpec};
pub use status::ProjectionStatus;
pub use telling::Telling;
pub use view::{RowQuery, RowView, RowsPage};
