//! Commands: wishes that are recorded, checked, decided and answered once.
//!
//! Every command takes the same seven steps, in one transaction: its record, the middleware before
//! it, the handler that decides, the rejection if there is one, the events, the projections that
//! are never behind, its status. So there is never an event without its command, nor a command
//! that counts as executed without its events; a kill leaves all of it or nothing.
//!
//! Invariant: a handler is reached through the orchestrator alone. It is handed over when the
//! worker is put together and nothing gives it back.

mod aggregate;
mod boundary;
mod command;
mod contexts;
mod decision;
mod entity_rows;
mod hide;
mod middleware;
mod orchestrator;
mod personal;
mod read;
mod record;
mod registry;
mod request;
mod retention;
mod scopes;
mod send;
mod state;
mod wrap;

pub use aggregate::{Aggregate, CommandOf, EventOf, Loaded, SNAPSHOT_EVERY, StateOf, decode, load};
pub use boundary::Boundary;
pub use command::{Changed, Command};
pub use decision::{Decision, Handled};
pub use middleware::{Middleware, Received, Verdict};
pub use read::{CommandEvent, CommandPage, CommandQuery, CommandReader, CorrelatedCommands};
pub use record::{CommandRecord, CommandStatus, Step};
pub use registry::{CommandInfo, Commands, WorkerCommands};
pub use request::{CommandOutcome, CommandRequest, Entry};
pub use retention::DEFAULT_RETENTION_MS;
pub(crate) use send::as_steps;
pub use send::{
    CommandClient, CommandError, SEND_COMMAND, SendCommands, Sending, UndoByCommand, send_within,
    sent,
};
pub use state::{AggregateReader, At, StateError, StateView};
pub use wrap::Entities;
