//! Finite state machines: which state may follow which, as data, and a refusal that says what
//! would have been allowed.
//!
//! ```
//! use everstep_fsm::{Machine, State};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Eq)]
//! enum Door { Open, Closed, Walled }
//!
//! impl State for Door {
//!     const ALL: &'static [Self] = &[Self::Open, Self::Closed, Self::Walled];
//!     fn name(self) -> &'static str {
//!         match self { Self::Open => "open", Self::Closed => "closed", Self::Walled => "walled" }
//!     }
//! }
//!
//! const DOOR: Machine<Door> = Machine::new("door", Door::Closed, &[
//!     (Door::Closed, &[Door::Open, Door::Walled]),
//!     (Door::Open, &[Door::Closed]),
//! ]);
//!
//! assert!(DOOR.check(Door::Closed, Door::Open).is_ok());
//! let refused = DOOR.check(Door::Open, Door::Walled).unwrap_err();
//! assert_eq!(refused.to_string(), "door cannot go from `open` to `walled`; allowed: closed");
//! assert!(DOOR.is_terminal(Door::Walled));
//! ```
//!
//! # Invariants
//!
//! - A machine is a constant: it holds no state and does nothing.
//! - A state that the table does not name as a source is terminal.
//! - No dependency, so that whatever decides can be tested with nothing around it.

mod machine;
mod mistake;
mod refusal;
mod state;

pub use machine::Machine;
pub use mistake::Mistake;
pub use refusal::TransitionRefused;
pub use state::State;
