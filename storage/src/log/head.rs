//! What a subject is now.

/// How much there is of a stream, a scope or any other name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many events: of a stream, its version.
    pub events: u64,
    /// How many appends have touched it: of a scope, its version.
    pub commits: u64,
    /// The position of the last event, 0 without one.
    pub last_position: u64,
}
