//! Deciders: pure functions that say what a command does to a state.
//!
//! ```
//! use everstep_decider::{Decider, Moment, Output, Rejection};
//!
//! struct Counter;
//!
//! impl Decider for Counter {
//!     type State = u64;
//!     type Command = u64;
//!     type Event = u64;
//!
//!     fn decide(state: &u64, add: &u64, _: &mut Moment) -> Output<Self> {
//!         match state + add {
//!             0..=10 => Output::success(state, vec![*add]),
//!             sum => Output::rejected(Rejection::new("TOO_MANY", "more than ten").with("sum", sum)),
//!         }
//!     }
//!
//!     fn evolve(state: u64, added: &u64) -> u64 {
//!         state + added
//!     }
//! }
//!
//! let mut moment = Moment::new(1_700_000_000_000, "cmd-1");
//! assert!(Counter::decide(&4, &5, &mut moment).is_success());
//! assert_eq!(Counter::decide(&4, &7, &mut moment).rejection().unwrap().code, "TOO_MANY");
//! ```
//!
//! # Invariants
//!
//! - **Pure.** Time and ids come with the [`Moment`]; the same arguments give the same output. The
//!   crate depends on nothing that could do anything else.
//! - **One of three outcomes**: success with events, rejection with a code and no event, failure
//!   with an audit event.
//! - **State follows from events.** The state of a success is what [`Decider::evolve`] makes of its
//!   events, so that nothing is calculated anew when they are read again.

mod context;
mod decider;
mod moment;
mod output;

pub use context::{Context, Detail};
pub use decider::{Decider, replay};
pub use everstep_fsm as fsm;
pub use moment::Moment;
pub use output::{Failed, Output, Rejection};
