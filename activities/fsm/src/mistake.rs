//! What can be wrong with a machine's table.

use std::error::Error;
use std::fmt;

/// The table of a machine contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// Two rows begin with the same state.
    Twice {
        /// The machine.
        machine: &'static str,
        /// The state.
        state: &'static str,
    },
    /// No way leads from the first state to this one.
    Unreachable {
        /// The machine.
        machine: &'static str,
        /// The state.
        state: &'static str,
    },
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice { machine, state } => {
                write!(f, "{machine} has two rows for `{state}`; put them together")
            }
            Self::Unreachable { machine, state } => {
                write!(f, "{machine} has no way to `{state}`; add one or drop the state")
            }
        }
    }
}

impl Error for Mistake {}
