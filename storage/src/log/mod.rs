//! The event log: immutable events in streams, found by stream, type, tag and correlation.
//!
//! Every name under which events are found is a *subject* with a list of postings, the positions
//! of its events in rows of 512. What a subject is now (how many events, how many appends, the
//! last position) is the fold of its last row, and a writer keeps it in memory: so the version of
//! a stream, the version of a scope and "nothing that matches came after" are all answered
//! without looking at the log.
//!
//! ```text
//! events    namespace ‖ block of 4 positions ──► record ‖ record ‖ …        appended to
//! postings  namespace ‖ subject ‖ row of 512  ──► commits before ‖ deltas …  appended to
//! keys      namespace ‖ idempotency key       ──► fingerprint ‖ first position ‖ events
//! ```
//!
//! Invariants: positions of a namespace begin at 1 and have no gap. A record never changes: its
//! hash covers the one before it. One [`Log`] a namespace is the only writer; what it has made
//! and the store has not yet is in it, so that the next append is decided on the newest state.

mod append;
mod chain;
mod checked;
mod coding;
mod cursor;
mod decoder;
mod draft;
mod event;
mod fingerprint;
mod head;
mod keys;
mod query;
mod reader;
mod refusal;
mod scope;
mod validate;
mod verify;
mod walk;
mod writer;

pub use append::{Append, Appended, Expected, NewEvent, ScopeExpectation, StreamAppend, Written};
pub use chain::{ChainBreak, EMPTY_CHAIN, check_link};
pub use checked::Checked;
pub use decoder::{EventDecodeError, EventDecoder, RECORDS};
pub use draft::{Changes, Draft, Mark};
pub use event::{Category, Hash, Origin, RecordedEvent, StreamId, StreamName, Told};
pub use head::Head;
pub use query::{Condition, Query, QueryItem};
pub use reader::{Direction, LogReader};
pub use refusal::AppendRefusal;
pub use scope::{ScopeKey, ScopeKeyError};
pub use validate::{MOST_EVENTS, MOST_TAGS};
pub use verify::{LogFault, VerifiedLog, verify_logs};
pub use writer::Log;

/// The tables that hold events, all keyed by namespace.
pub const TABLES: [crate::Table; 3] = [keys::EVENTS, keys::POSTINGS, keys::APPEND_KEYS];

#[cfg(test)]
mod tests;
