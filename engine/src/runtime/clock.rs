//! The one source of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// Where the engine's time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// Stands still until it is moved by [`Engine::advance_clock`](crate::Engine::advance_clock);
    /// kept in the store, so that a restart does not turn it back.
    Manual(ManualClock),
}

/// A clock that is moved by hand.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    at: Arc<AtomicI64>,
    /// Run ids, and with them the random numbers of workflows, are the same each time.
    staged: bool,
}

impl Clock {
    /// A clock that is moved by hand. On an empty store it starts at the machine's time.
    pub fn manual() -> Self {
        Self::Manual(ManualClock::default())
    }

    /// A manual clock of the test kit, which begins at `at`.
    pub(crate) fn staged(at: Timestamp) -> Self {
        Self::Manual(ManualClock { at: Arc::new(AtomicI64::new(at.as_millis())), staged: true })
    }

    /// Whether it is the test kit's.
    pub(crate) const fn is_staged(&self) -> bool {
        matches!(self, Self::Manual(ManualClock { staged: true, .. }))
    }

    /// Whether it is moved by hand.
    pub const fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System => wall(),
            Self::Manual(clock) => Timestamp::from_millis(clock.at.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock; never back.
    pub(crate) fn set(&self, at: Timestamp) {
        if let Self::Manual(clock) = self {
            clock.at.fetch_max(at.as_millis(), Ordering::AcqRel);
        }
    }
}

/// The machine's time.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
