//! The shop as a real process: killed with `-9` at each event of an order in turn, and under the load
//! of many orders while what it depends on fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "what was measured is shown")]

mod kills;
mod load;
#[path = "../selling/mod.rs"]
mod selling;
#[path = "../../../conformance/tests/support/mod.rs"]
mod support;
