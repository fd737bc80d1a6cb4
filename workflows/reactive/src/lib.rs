//! A durable row and the events after its checkpoint, merged by the code that made the row.
//!
//! The server merges when a row is read; a client merges what it was told, and in front of that
//! what it expects to come of a command that it has sent. Both call this crate with the same
//! `evolve`, so that there is no second copy of it that could say something else.
//!
//! ```
//! use everstep_reactive::{Durable, Happened, Notice, Reactive};
//!
//! let mut row = Reactive::new(Durable { state: Some(40), changed_at: 5, position: 5 }, |sum, by| {
//!     Ok(Some(sum.unwrap_or(0) + by))
//! });
//! // Shown at once …
//! let expected = row.expect("command-1", 2, 0);
//! assert_eq!((row.merged().state, expected), (Some(42), 6));
//! // … and taken back when the server says no.
//! assert_eq!(row.refused("command-1"), Some(Notice::Refused { id: "command-1".to_owned() }));
//! assert_eq!(row.merged().state, Some(40));
//!
//! row.happened(Happened { position: 6, id: "e-6".to_owned(), cause: None, event: 1 });
//! assert_eq!(row.merged().pending_events(), 1);
//! row.is_durable(6);
//! assert_eq!((row.merged().state, row.merged().pending_events()), (Some(41), 0));
//! ```
//!
//! # Invariants
//!
//! - Events are folded in the order of their positions, each once, in whatever order they come.
//! - What the server says wins: an expectation never outlives another event at its position, a
//!   refusal, or [`PATIENCE_MS`].
//! - Nothing here reads a clock or waits: time is an argument.
//!
//! # Map
//!
//! - [`merge()`]: the fold, for whoever has all of it at once.
//! - [`Reactive`]: the same for whoever is told bit by bit, with expectations.

mod merge;
mod notice;
mod reactive;

pub use merge::{Durable, Merged, merge};
pub use notice::Notice;
pub use reactive::{Evolve, Happened, PATIENCE_MS, Reactive};
