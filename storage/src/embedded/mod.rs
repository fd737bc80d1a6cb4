//! The embedded store: a journal, a redb file, files of large values and an overlay.
//!
//! ```text
//! batches ──► committer ──► journal        one frame, one sync, for all that wait ──► acknowledged
//!                 │
//!                 ▼
//!              overlay (memory) ──► applier ──► state.redb   about once a second, with "applied up to";
//!                 ▲                             │            only then is the journal's space used again
//!               reads (overlay over state)      └──► values.dat   before it: histories, payloads, events
//! ```
//!
//! Invariants:
//! - the journal alone decides what is acknowledged; `begin of the journal ≤ applied + 1`, `applied ≤ its end`;
//! - `state.redb` takes no commit without quick repair, so that opening it never walks it;
//! - `values.dat` is synced before the commit of `state.redb` that names what is in it;
//! - the overlay holds every version that is newer than what any reader finds in the state file.

mod applier;
mod backend;
mod coding;
mod committer;
mod config;
mod core;
mod counters;
mod disk;
mod failure;
mod fold;
mod helpers;
mod journal;
mod key;
mod layer;
mod overlay;
mod places;
mod queue;
mod slot;
mod snapshot;
mod state;
mod store;
mod values;
mod views;

pub use config::{EmbeddedConfig, Threads};
pub use disk::{DirectoryDisk, Discard, Disk};
pub use store::EmbeddedStore;
