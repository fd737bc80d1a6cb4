//! Batch operations: one act on every run that a filter of the list names.
//!
//! A batch is a workflow of the built-in type [`BATCH_TYPE`]. It selects its targets a page at a
//! time, off the loop, and hands each page to the loop, which acts on all of it and records the
//! page's activity as completed in one commit; see `runtime/batch`.
//!
//! Invariants:
//! - a page acts exactly once, whatever process comes after: its acts and its outcome are one
//!   commit;
//! - a batch ends: it goes downwards from the run that it is, so what is started after it, itself
//!   included, is never among its targets;
//! - its history stays short, however many targets it has: it continues as new.

mod progress;
mod request;
mod selection;
mod workflow;

pub use progress::{BatchFailure, BatchProgress};
pub use request::{BatchOperation, BatchRequest};
pub(crate) use selection::{Selection, Target, Targets};
pub(crate) use workflow::{BATCH, BatchInput, PROGRESS, PageOutcome, register};

/// The workflow type that batches run as.
pub const BATCH_TYPE: &str = "everstep.batch";

/// Whether a workflow type is one of the engine's own: its runs are left out of lists, counts and
/// exports unless their type is asked for.
pub(crate) fn is_built_in(workflow_type: &str) -> bool {
    workflow_type.starts_with("everstep.")
}
