//! Where a browser goes: the scenario's shop.

use std::time::Duration;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A shop's address.
pub(crate) struct Site(pub(crate) String);

impl Site {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}
