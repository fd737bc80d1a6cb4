//! Dead letters: work that was given up on, kept until somebody decides.
//!
//! ```text
//!             retry              it worked
//!  pending ──────────► retrying ──────────► resolved
//!     │  ▲                │
//!     │  └────────────────┘ it failed again
//!     └──ignore──► ignored
//! ```
//!
//! One machine under every kind: a kind says what a retry does ([`WorkerDeadLetters::dead_letters`]) and
//! what its own interface calls the states ([`DeadLetterKind::calls_resolved`]). Whoever gives work
//! up writes the letter in the transaction that gives it up ([`record`]); whoever tries again says in
//! the transaction that ends the try how it went ([`resolved`], [`failed_again`]).
//!
//! ```
//! use everstep_activities::dead_letters::{self, DeadLetterKind, NewDeadLetter, Retried};
//! use everstep_activities::WorkerDeadLetters;
//! use everstep_engine::{ActivityError, TransactionContext, Worker};
//!
//! const POSTCARD: DeadLetterKind = DeadLetterKind::new("postcard");
//!
//! fn give_up(tx: &mut TransactionContext<'_>) -> Result<(), ActivityError> {
//!     let why = ActivityError::new("no_such_street", "the postman came back");
//!     let letter = NewDeadLetter::new(POSTCARD, "card-7", "Oslo").failure(&why).attempts(5);
//!     dead_letters::record(tx, letter).map(drop)
//! }
//!
//! // A retry that is over at once; one that takes a while answers `Retried::UnderWay`.
//! let worker = Worker::new().dead_letters(POSTCARD, |_, letter| match letter.target.as_str() {
//!     "Oslo" => Ok(Retried::Resolved),
//!     other => Err(ActivityError::new("no_such_street", format!("still none in {other}"))),
//! });
//! # drop((worker, give_up));
//! ```
//!
//! Invariants: at most one letter of a kind and source is pending or being retried; a letter's row,
//! its place in lists and the figures move in one transaction; letters that are over are kept for
//! [`KEPT`] and then swept by those that follow.

mod desk;
mod failure;
mod kind;
mod letter;
mod query;
mod rows;

pub use desk::{failed_again, ignore, is_id, record, resolved, retry};
pub use kind::{DeadLetterKind, DeadLetters, Retried, WorkerDeadLetters};
pub use letter::{DEAD_LETTER_STATUS, DeadLetter, DeadLetterStatus, NewDeadLetter};
pub use query::{DeadLetterFigure, DeadLetterFilter, DeadLetterPage, list, show, stats};
pub use rows::KEPT;

use std::time::Duration;

use everstep_engine::Retry;

/// How a dead letter's retry is tried: after 1 s, twice as long each time, five failures in all.
pub const DEAD_LETTER_RETRY: Retry = Retry::DEFAULT
    .initial_interval(Duration::from_secs(1))
    .backoff_coefficient(2.0)
    .max_attempts(5);
