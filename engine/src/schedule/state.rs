//! What a schedule remembers between two firings.
//!
//! Invariant: everything that grows has a bound, and what goes over a bound is counted.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Backfill;
use super::spec::Overlap;
use crate::{RunId, RunStatus, Timestamp};

/// Starts that wait for an open run to close.
pub(crate) const MAX_BUFFERED: usize = 1_000;
/// Runs that are kept by name while they are open; more are only counted.
pub(super) const MAX_RUNNING: usize = 100;
/// Runs that are shown as the last ones.
pub(super) const MAX_RECENT: usize = 10;
/// Backfills that wait for each other.
pub(super) const MAX_BACKFILLS: usize = 10;

/// Why a run is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Occasion {
    /// Its time has come.
    Due,
    /// Somebody asked for the past.
    Backfill,
    /// Somebody asked for one now.
    Trigger,
}

/// One firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Firing {
    /// The instant that the spec names, without jitter.
    pub(crate) scheduled_at: Timestamp,
    pub(crate) occasion: Occasion,
    pub(crate) overlap: Overlap,
}

impl Firing {
    /// Whether it is a trigger of this instant.
    pub(crate) fn is_of(&self, now: Timestamp) -> bool {
        self.occasion == Occasion::Trigger && self.scheduled_at == now
    }
}

/// A run that a firing started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunRef {
    pub(crate) workflow_id: String,
    /// The first run of its chain.
    pub(crate) run_id: RunId,
    pub(crate) scheduled_at: Timestamp,
    pub(crate) started_at: Timestamp,
    /// It was asked to end already.
    pub(crate) asked_to_end: bool,
}

/// A firing that waits.
pub(crate) type Buffered = Firing;

/// One of the last runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent {
    pub(crate) run: RunRef,
    pub(crate) closed: Option<Closed>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    pub(crate) status: RunStatus,
    pub(crate) at: Timestamp,
}

/// A start that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) scheduled_at: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) message: String,
    /// A run was started since.
    pub(crate) is_over: bool,
}

/// Firings that were not made because a run was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldUp {
    /// Since the run that is in the way has been.
    pub(crate) count: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

/// What a schedule has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleCounters {
    /// Runs started, by triggers and backfills too.
    pub started: u64,
    /// Firings that were skipped because a run was open.
    pub skipped: u64,
    /// Firings that were dropped because the buffer was full.
    pub dropped: u64,
    /// Firings that could not be made within the catch-up window.
    pub missed: u64,
    /// Firings that came while the schedule was paused.
    pub paused_over: u64,
    /// Starts that were refused; `last_refusal` says why.
    pub refused: u64,
}

impl ScheduleCounters {
    /// Firings that started nothing although the schedule was not paused.
    pub(crate) const fn passes(&self) -> u64 {
        self.skipped + self.dropped + self.missed + self.refused
    }
}

/// The state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleState {
    /// Names the schedule's timer row; another schedule of the same id has another.
    pub(crate) uid: RunId,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) paused_at: Option<Timestamp>,
    pub(crate) note: Option<String>,
    /// Runs of its own that may still be started; none without a limit.
    pub(crate) remaining: Option<u64>,
    /// Instants up to here are dealt with.
    pub(crate) cursor: Timestamp,
    /// The next instant; none when there is no more.
    pub(crate) next: Option<Timestamp>,
    /// When its timer row is due.
    pub(crate) wakes_at: Option<Timestamp>,
    pub(crate) running: Vec<RunRef>,
    /// Open runs beyond those in `running`.
    pub(crate) more_running: u64,
    pub(crate) buffer: VecDeque<Buffered>,
    pub(crate) backfills: VecDeque<Backfill>,
    pub(crate) recent: VecDeque<Recent>,
    pub(crate) counters: ScheduleCounters,
    pub(crate) held_up: Option<HeldUp>,
    pub(crate) last_missed_at: Option<Timestamp>,
    pub(crate) last_refusal: Option<Refused>,
    /// What the worker that declared it said, for the next start-up to compare.
    pub(crate) declared: Option<u64>,
}

impl ScheduleState {
    pub(crate) fn new(uid: RunId, now: Timestamp) -> Self {
        Self {
            uid,
            created_at: now,
            updated_at: now,
            paused_at: None,
            note: None,
            remaining: None,
            cursor: now,
            next: None,
            wakes_at: None,
            running: Vec::new(),
            more_running: 0,
            buffer: VecDeque::new(),
            backfills: VecDeque::new(),
            recent: VecDeque::new(),
            counters: ScheduleCounters::default(),
            held_up: None,
            last_missed_at: None,
            last_refusal: None,
            declared: None,
        }
    }

    /// Whether a run of the schedule is open.
    pub(crate) fn is_busy(&self) -> bool {
        !self.running.is_empty() || self.more_running > 0
    }

    /// Whether the limit leaves no more runs.
    pub(crate) fn is_used_up(&self) -> bool {
        self.remaining == Some(0)
    }
}
