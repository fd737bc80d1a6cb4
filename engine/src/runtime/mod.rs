//! What drives the kernel: one loop that decides, polls, commits and then lets effects happen.
//!
//! ```text
//! requests, results, due timers ──► inbox ──► turn: decide → apply → poll → decide what was asked
//!                                              │
//!                                              ▼ one batch
//!                                            commit ──► durable ──► effects: run activities,
//!                                                                   answer callers, tell watchers
//! ```
//!
//! Invariant: no effect leaves the process before the batch that holds its cause is durable.

mod afterwards;
mod app_rows;
mod appends;
mod attempts;
mod batch;
mod changes;
mod clock;
mod commit;
mod context_rows;
mod delivery;
mod effect;
mod endings;
mod engine;
mod erase;
mod firing;
mod heartbeats;
mod history_log;
mod inbox;
pub(crate) mod index;
mod inline;
pub(crate) mod keys;
mod load;
mod logs;
mod mailbox;
mod manual_clock;
mod message;
mod namespace_deletion;
mod namespace_rows;
mod namespaces;
mod outside;
mod panics;
mod pause;
pub(crate) mod payload_rows;
pub(crate) mod published;
mod queues;
mod record;
mod recovery;
mod replay;
mod report;
mod requests;
mod reset;
mod reset_relations;
mod resident;
mod retention;
mod retry_now;
mod row_pages;
mod row_snapshot;
mod schedule_firing;
mod schedule_requests;
mod schedule_warming;
mod schedules;
mod shard;
mod skip;
mod spans;
mod start;
mod stats;
mod step;
mod succession;
mod sweep;
mod task;
mod timers;
mod transaction_schedules;
mod transactions;
mod turn;
mod update_record;
mod updates;
mod verdict;
mod watch;
mod watchdog;

pub use appends::LogSnapshot;
pub use changes::{Change, ChangeKind};
pub use clock::Clock;
pub use context_rows::ContextRows;
pub use engine::{Engine, EngineConfig, OpenError, RunWatch, TransactError};
pub(crate) use heartbeats::read_heartbeats;
pub(crate) use history_log::{HistoryReader, newest_run, read_run, stored_run};
pub use namespaces::{NamespaceInfo, NamespaceSettings};
pub(crate) use record::RunRecord;
pub use row_pages::RowPage;
pub use row_snapshot::RowSnapshot;
pub(crate) use schedules::parse as parse_schedule;
pub use stats::EngineStats;
pub(crate) use update_record::read_admitted;
pub use verdict::{ReplayReport, replay_history};
pub(crate) use verdict::{code_of, replay_with};
