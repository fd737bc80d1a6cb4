//! Finding runs: every filter, order and count against a naive scan, over crashes; nothing left
//! behind by runs that are gone; attributes that the code changes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod differential;
mod erased;
mod oracle;
mod stuck;
#[expect(dead_code, reason = "each test crate uses its part of the support")]
#[path = "../support/mod.rs"]
mod support;
mod upserts;
mod workflows;
