//! The embedded store: two redb files and an overlay.
//!
//! ```text
//! batches ──► committer ──► journal.redb   one commit, one sync, for all that wait ──► acknowledged
//!                 │
//!                 ▼
//!              overlay (memory) ──► applier ──► state.redb   about once a second, with "applied up to";
//!                 ▲                                          only then is the journal trimmed
//!               reads (overlay over state)
//! ```
//!
//! Invariants:
//! - the journal alone decides what is acknowledged; `trimmed ≤ applied ≤ end of the journal`;
//! - `state.redb` takes no commit without quick repair, so that opening it never walks it;
//! - the overlay holds every version that is newer than what any reader finds in the state file.

mod applier;
mod backend;
mod committer;
mod config;
mod core;
mod counters;
mod disk;
mod failure;
mod fold;
mod journal;
mod overlay;
mod queue;
mod segment;
mod slot;
mod snapshot;
mod state;
mod store;
mod views;

pub use config::{EmbeddedConfig, Threads};
pub use disk::{DirectoryDisk, Disk};
pub use store::EmbeddedStore;
