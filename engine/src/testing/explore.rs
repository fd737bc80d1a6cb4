//! A crash at every point of a run: around each commit in turn the process is gone, another one
//! recovers from what was durable, and the run must end as if nothing had happened.
//!
//! Between two commits nothing is durable, so there are no other points: but a process may die right
//! after a commit, before anybody has heard of it, or later, before the next. What was in flight is
//! lost with the process: attempts whose results were not recorded run again.

use std::fmt;

use serde::de::DeserializeOwned;

use super::crash_store::Death;
use super::scenario::{Scenario, TestError};
use super::{Played, ReplayError};
use crate::kernel::LOST;

/// More crash points than any test should have.
const MOST_POINTS: u64 = 10_000;

/// What an exploration went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashReport {
    /// How many times the run was crashed, twice at each commit: unheard, and heard.
    pub crashes: u64,
    /// How many events were durable at each crash.
    pub events: Vec<u64>,
}

/// A run that ends otherwise when it is crashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrashDivergence {
    /// It cannot even be played without a crash.
    #[error("without a crash: {0}")]
    Baseline(Box<TestError>),
    /// It does not come to an end.
    #[error("after a crash at event {event_id}: {error}")]
    Stuck {
        /// Events that were durable at the crash.
        event_id: u64,
        /// Why.
        error: Box<TestError>,
    },
    /// It ends with something else.
    #[error("after a crash at event {event_id} the run ends with {found}; without: {expected}")]
    EndsOtherwise {
        /// Events that were durable at the crash.
        event_id: u64,
        /// How it ends without a crash.
        expected: String,
        /// How it ended.
        found: String,
    },
    /// Its history does not replay.
    #[error("after a crash at event {event_id}: {error}")]
    Replay {
        /// Events that were durable at the crash.
        event_id: u64,
        /// Why not.
        error: ReplayError,
    },
    /// There are too many points.
    #[error("more than {MOST_POINTS} points at which to crash; explore a shorter scenario")]
    TooMany,
}

/// Crashes a run at each of its points in turn. `scenario` makes everything anew each time, also
/// the world that its mocks stand for. Status, result, failure and published state must be the
/// same each time, and every history must replay.
///
/// # Errors
/// The first crash that changes something.
pub fn explore_crashes<O: DeserializeOwned>(
    scenario: impl Fn() -> Scenario<O>,
) -> Result<CrashReport, CrashDivergence> {
    let (baseline, _) = scenario()
        .play_until(Death::Never)
        .map_err(|error| CrashDivergence::Baseline(Box::new(error)))?;
    let expected = Outcome(&baseline).to_string();
    let mut events = Vec::new();
    for commits in 0..MOST_POINTS {
        for death in [Death::Before(commits), Death::Unheard(commits)] {
            let (played, crashed_at) = match scenario().play_until(death) {
                Ok(played) => played,
                Err(error) => {
                    let event_id = events.last().copied().unwrap_or(0);
                    return Err(CrashDivergence::Stuck { event_id, error: Box::new(error) });
                }
            };
            let Some(event_id) = crashed_at else {
                return Ok(CrashReport { crashes: events.len() as u64, events });
            };
            let found = Outcome(&played).to_string();
            if found != expected {
                return Err(CrashDivergence::EndsOtherwise { event_id, expected, found });
            }
            super::replay(&scenario().worker, played.run())
                .map_err(|error| CrashDivergence::Replay { event_id, error })?;
            events.push(event_id);
        }
    }
    Err(CrashDivergence::TooMany)
}

/// What must be the same each time, in words.
struct Outcome<'a, O>(&'a Played<O>);

impl<O> fmt::Display for Outcome<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Played { result, published, .. } = self.0;
        write!(f, "{}", result.status)?;
        if let Some(result) = &result.result {
            write!(f, " {result}")?;
        }
        if let Some(failure) = &result.failure {
            write!(f, " {}: {}", failure.kind, failure.message)?;
            if failure.kind == LOST {
                f.write_str(" (an attempt that dies with its process counts)")?;
            }
        }
        for (name, value) in published {
            write!(f, ", {name} = {value}")?;
        }
        Ok(())
    }
}
