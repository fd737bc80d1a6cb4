//! Why a transition was refused.

use std::error::Error;
use std::fmt;

/// The machine does not allow the transition. It names from, to, and what would be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRefused {
    /// The machine's name.
    pub machine: &'static str,
    /// The state that it is in.
    pub from: &'static str,
    /// The state that was asked for.
    pub to: &'static str,
    /// The states that may follow; none for a terminal one.
    pub allowed: Vec<&'static str>,
}

impl fmt::Display for TransitionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, from, to, allowed } = self;
        write!(f, "{machine} cannot go from `{from}` to `{to}`; ")?;
        match allowed.as_slice() {
            [] => write!(f, "`{from}` is terminal"),
            allowed => write!(f, "allowed: {}", allowed.join(", ")),
        }
    }
}

impl Error for TransitionRefused {}
