//! When a decision is made, and the ids that it may use.

/// The time and the ids of one decision.
///
/// Invariant: made anew from the same time and seed it gives the same ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    now_ms: i64,
    seed: String,
    given: u32,
}

impl Moment {
    /// The time in milliseconds since 1970, and what ids are made from: the command's id, as a rule.
    pub fn new(now_ms: i64, seed: impl Into<String>) -> Self {
        Self { now_ms, seed: seed.into(), given: 0 }
    }

    /// The time, in milliseconds since 1970.
    pub const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// The next id: the seed and a number from 1.
    pub fn id(&mut self) -> String {
        self.given += 1;
        format!("{}-{}", self.seed, self.given)
    }
}
