//! The process killed after each commit in turn, in the middle of everything that this crate offers:
//! what comes of it is what comes of it without a crash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agents;
mod approvals;
mod circuits;
mod leases;
mod publications;
mod rebuilds;
mod service;
mod telling;
