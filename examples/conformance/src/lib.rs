//! Workflows through which every promise of the engine can be tried from outside.
//!
//! # Invariants
//!
//! - Names, inputs, outputs and witness lines are a contract: tests and scripts that know nothing
//!   but the HTTP API rely on them.
//! - Witness files are plain names directly below one directory. A line is on disk before the
//!   activity that wrote it returns.
//!
//! # Map
//!
//! - `worker`: puts the workflows together;
//! - `witness_dir`: the files that prove what ran, and how often;
//! - `domain/`: commands and what decides them;
//! - `workflows/`: one story a file, each with its contract at the top.

mod announcements;
mod domain;
mod parcels;
mod witness_dir;
mod worker;
mod workflows;

pub use worker::worker;
pub use workflows::ledger::{ACCOUNT_SUMMARIES, AccountSummary, account_summaries};
