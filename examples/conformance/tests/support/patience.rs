//! How long a test waits for what has to come.

use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine. In time, not in looks: how many of them fit
/// into the time that something takes depends on how fast the machine answers them.
const LIMIT: Duration = Duration::from_secs(60);

/// Bounds one wait.
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Whether it is worth another look.
    pub(crate) fn lasts(&self) -> bool {
        self.0.elapsed() < LIMIT
    }
}
