//! Finding runs: which indexes serve a filter, how they are intersected, in which order, and how
//! many there are.
//!
//! Invariant: a request examines a bounded number of rows. Where that does not fill its page, the
//! page says so and goes on with a token. Whatever an index offers is compared with the run's own
//! row, so an index may offer too much and never too little.

mod count;
mod matching;
mod page;
mod plan;
mod source;
mod walk;

pub(crate) use count::count;
pub use count::{CountGroup, GroupBy, RunCounts};
pub(crate) use page::{list, list_in_order, run_before, token_before};
