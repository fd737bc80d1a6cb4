//! The command line that every worker's binary gets from one call, and the `everstep` binary's.
//!
//! ```no_run
//! use everstep::Worker;
//!
//! fn main() -> std::process::ExitCode {
//!     everstep::cli::main(Worker::new())
//! }
//! ```
//!
//! Invariant: stdout carries answers only (with `--json` one JSON document), stderr everything
//! else. Exit codes: 0 done, 1 refused or failed, 2 the command line itself is wrong.

mod activity;
mod agents;
mod backup;
mod batch;
mod cancel;
mod circuits;
mod codec;
mod command;
mod commands;
mod contracts;
mod count;
mod dead_letters;
mod delete;
mod events;
mod export;
mod filter;
mod groups;
mod intents;
mod limits;
mod list;
mod logging;
mod look;
mod namespaces;
mod pause;
mod payload;
mod preflight;
mod process_managers;
mod projections;
mod publications;
mod query;
mod queue;
mod rebuild;
mod remote;
mod reservations;
mod reset;
mod resume;
mod retry;
mod sagas;
mod schedule;
mod screen;
mod serve;
mod show;
mod signal;
mod span;
mod start;
mod subscriptions;
mod table;
mod terminate;
mod token;
mod update;
mod values;

pub use codec::CodecArgs;
pub use command::{ClientCommand, client_main, main};
pub use preflight::{PreflightArgs, preflight};
pub use serve::{ClockKind, ServeArgs, Serving, serve, serve_beside};

pub(crate) use remote::{CliError, print, print_json, runtime};
pub(crate) use screen::{Colour, Screen};
pub(crate) use table::{Align, Cell, Table};
