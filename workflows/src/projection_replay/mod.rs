//! Rebuilding a projection: its rows made anew from the first event on, on a shelf of their own,
//! while the rows that are there are read and kept as before.
//!
//! ```text
//! trigger ──► row of the rebuild, workflow `everstep.projection_replay`, one transaction
//!                 │
//!                 ├─► slice (queue `everstep.replay`, five at once): chunk after chunk,
//!                 │     rows + progress of a chunk in one transaction; the last one changes over
//!                 └─► sweep: the shelf that nobody reads any more, a page at a time
//! ```
//!
//! Invariants:
//! - a reader sees the rows of before or the rows of after, whole: changing over is one row, the
//!   checkpoint, in the transaction that takes in the last events;
//! - every event counts once: a chunk's transaction refuses itself unless the rebuild is where it
//!   was read, and running;
//! - a shelf is filled by one build's code: another build begins another shelf;
//! - a projection is rebuilt once at a time.

mod chunk;
mod rebuild;
mod service;
mod sweep;
mod workflow;

pub use rebuild::{RebuildStatus, ReplayStatus};

pub(crate) use chunk::ChunkTimes;
pub(crate) use rebuild::of;
pub(crate) use workflow::register;
