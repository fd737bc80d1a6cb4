//! Where a run stands.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A run's status, as the HTTP API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Open: it does something or waits for something.
    Running,
    /// Returned a result.
    Completed,
    /// Returned an error.
    Failed,
    /// Ended because cancellation was asked for.
    Cancelled,
    /// Ended from outside, at once.
    Terminated,
    /// Did not end within its execution timeout.
    TimedOut,
    /// Ended by starting its successor.
    ContinuedAsNew,
    /// Open, but nothing of it is dispatched.
    Paused,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Terminated,
        Self::TimedOut,
        Self::ContinuedAsNew,
        Self::Paused,
    ];

    /// Its number on disk: its place in [`ALL`](Self::ALL).
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// Whether no event can follow.
    pub const fn is_closed(self) -> bool {
        !matches!(self, Self::Running | Self::Paused)
    }

    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::TimedOut => "timed_out",
            Self::ContinuedAsNew => "continued_as_new",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no status.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown status `{0}`; one of running, completed, failed, cancelled, terminated, timed_out, continued_as_new, paused"
)]
pub struct UnknownStatus(String);

impl FromStr for RunStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| UnknownStatus(text.into()))
    }
}
