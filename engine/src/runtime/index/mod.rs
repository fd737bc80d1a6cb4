//! What the list is read from besides the runs' own rows.
//!
//! Invariant: index rows are a function of a run's row, and are written in its batch. A run that
//! needs none pays for none: runs are told apart by type, version and build in lists that are
//! appended to once a turn, and counted once a turn.

mod posting;
mod shape;
mod step;
mod tally;
mod terms;
mod tidy;

pub(crate) use posting::{closed_in, started_in};
pub(crate) use shape::Shape;
pub(super) use shape::shape_of;
pub(super) use tally::Tally;
pub(super) use terms::Found;
pub(super) use tidy::Tidy;
