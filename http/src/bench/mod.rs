//! The benchmark: workloads W1 to W8, in process or over HTTP, E1 to E6 of the event log, R1 of
//! rebuilds.
//!
//! ```text
//! args ──► plan of cells ──► for each: disk's sync rate · fresh engine · closed loop · drain
//!                                                        │
//!                                                        ▼
//!                                       figures beside targets and peers ──► table or JSON
//! ```
//!
//! Invariant: nothing counts that was not durable and answered. Beside the acknowledged rate stands
//! the sustained one, which includes the time in which the store catches up, and the rate at which
//! this disk syncs at all, measured in the same run just before.

mod args;
mod cell;
mod child;
mod disk;
mod error;
mod event_log;
mod figure;
mod finding;
mod load;
mod long_run;
mod process;
mod report;
mod run;
mod schedules;
mod sleepers;
mod subject;
mod workflows;
mod yardstick;

pub use args::{BenchArgs, Workload};
pub use child::SleepersArgs;
pub use run::run;
