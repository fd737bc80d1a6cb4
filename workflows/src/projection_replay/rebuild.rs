//! What is known of a projection's last rebuild.
//!
//! Invariant: one row a projection, changed by the transactions that trigger, take in, pause,
//! resume, cancel and end, and by nothing else.

use everstep_engine::{Rejection, RowSnapshot, Table, Timestamp};
use serde::{Deserialize, Serialize};

use crate::projections::rows::Shelf;

/// The last rebuild of each projection.
pub(super) const REBUILDS: Table<Rebuild> = Table::new("everstep", "projection_rebuilds");

/// Where a rebuild stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    /// It takes in events.
    Running,
    /// It waits until somebody resumes it.
    Paused,
    /// Its rows are those that are read.
    Completed,
    /// It gave up; the rows of before are read on.
    Failed,
    /// Somebody has cancelled it; the rows of before are read on.
    Cancelled,
}

impl ReplayStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it goes on, or may.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A rebuild as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rebuild {
    pub(super) replay_id: String,
    pub(super) projection: String,
    pub(super) status: ReplayStatus,
    /// The build whose code fills the shelf: another one begins another shelf.
    pub(super) build_id: String,
    /// Which shelf it fills.
    pub(super) generation: u32,
    /// Every event up to here is on the shelf.
    pub(super) last_position: u64,
    /// The newest event when it was triggered.
    pub(super) target_position: u64,
    pub(super) events_processed: u64,
    /// Those that touched a row.
    pub(super) events_touched: u64,
    /// Events of the projection up to the target; none where the log cannot tell.
    pub(super) total_events: Option<u64>,
    pub(super) chunks_completed: u64,
    pub(super) chunk_size: usize,
    pub(super) error: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) completed_at: Option<Timestamp>,
    /// For how long it was running.
    pub(super) active_ms: u64,
}

impl Rebuild {
    /// The shelf that it fills.
    pub(super) fn shelf(&self) -> Shelf<'_> {
        Shelf { projection: &self.projection, generation: self.generation }
    }

    /// It goes from one status to another.
    pub(super) fn turn(&mut self, status: ReplayStatus, now: Timestamp) {
        self.pass(now);
        self.status = status;
        if !status.is_active() {
            self.completed_at = Some(now);
        }
    }

    /// Another build goes on: what the one before has made is not its own.
    pub(super) fn begin_anew(&mut self, build_id: &str, generation: u32, now: Timestamp) {
        build_id.clone_into(&mut self.build_id);
        self.generation = generation;
        (self.last_position, self.events_processed, self.events_touched) = (0, 0, 0);
        (self.chunks_completed, self.active_ms) = (0, 0);
        self.updated_at = now;
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Timestamp) {
        if self.status == ReplayStatus::Running {
            self.active_ms += now.millis_since(self.updated_at);
        }
        self.updated_at = now;
    }
}

/// A rebuild as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RebuildStatus {
    /// Its id: that of the workflow which does it.
    pub replay_id: String,
    /// The projection.
    pub projection: String,
    /// Where it stands.
    pub status: ReplayStatus,
    /// Every event up to here is taken in.
    pub last_position: u64,
    /// The newest event when it was triggered; what came since is taken in, too.
    pub target_position: u64,
    /// Events that were taken in.
    pub events_processed: u64,
    /// The same, of one that was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_processed_before_cancel: Option<u64>,
    /// Events that there are to take in; what came since the trigger counts once it was met.
    pub total_events: u64,
    /// How much of it is done, from 0 to 100, with one decimal.
    pub percent_complete: f64,
    /// Transactions so far.
    pub chunks_completed: u64,
    /// Events of one transaction.
    pub chunk_size: usize,
    /// How much longer it takes, at the rate so far; absent when it is over, or before its first
    /// chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_remaining_ms: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was triggered.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When its last transaction was.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub updated_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub completed_at: Option<Timestamp>,
}

impl From<Rebuild> for RebuildStatus {
    fn from(own: Rebuild) -> Self {
        let done = own.status == ReplayStatus::Completed;
        // Where nothing tells how many events there are, the positions do.
        let (at, of) = match own.total_events {
            Some(total) => (own.events_processed, total),
            None => (own.last_position, own.target_position),
        };
        let of = of.max(at);
        let total = own.total_events.unwrap_or(0).max(own.events_processed);
        let percent = match of {
            _ if done => 100.0,
            0 => 0.0,
            of => tenths(at, of),
        };
        let left = (at > 0 && own.status.is_active() && own.active_ms > 0)
            .then(|| u128::from(own.active_ms) * u128::from(of - at) / u128::from(at));
        Self {
            total_events: if own.total_events.is_some() || done { total } else { of },
            percent_complete: percent,
            estimated_remaining_ms: left.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
            replay_id: own.replay_id,
            projection: own.projection,
            status: own.status,
            last_position: own.last_position,
            target_position: own.target_position,
            events_processed: own.events_processed,
            events_processed_before_cancel: (own.status == ReplayStatus::Cancelled)
                .then_some(own.events_processed),
            chunks_completed: own.chunks_completed,
            chunk_size: own.chunk_size,
            error: own.error,
            started_at: own.started_at,
            updated_at: own.updated_at,
            completed_at: own.completed_at,
        }
    }
}

/// The share in percent, rounded down to one decimal: a hundred is for what is over.
fn tenths(at: u64, of: u64) -> f64 {
    let tenths = u128::from(at) * 1_000 / u128::from(of).max(1);
    u32::try_from(tenths).map_or(100.0, |tenths| f64::from(tenths) / 10.0)
}

/// The last rebuild of a projection, if there was one.
pub(crate) fn of(rows: &RowSnapshot, projection: &str) -> Result<Option<RebuildStatus>, Rejection> {
    Ok(rows.get(REBUILDS, projection)?.map(RebuildStatus::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rebuild(status: ReplayStatus, done: u64, of: Option<u64>) -> RebuildStatus {
        let at = Timestamp::from_millis(1_000);
        let rebuild = Rebuild {
            replay_id: "r".into(),
            projection: "p".into(),
            status,
            build_id: "b".into(),
            generation: 2,
            last_position: done * 2,
            target_position: 20_000,
            events_processed: done,
            events_touched: done,
            total_events: of,
            chunks_completed: done / 100,
            chunk_size: 100,
            error: None,
            started_at: at,
            updated_at: at,
            completed_at: None,
            active_ms: 9_000,
        };
        rebuild.into()
    }

    #[test]
    fn progress_is_a_share_with_one_decimal_and_a_time_at_the_rate_so_far() {
        let shown = rebuild(ReplayStatus::Running, 4_500, Some(10_000));
        assert_eq!((shown.percent_complete, shown.total_events), (45.0, 10_000));
        assert_eq!(shown.estimated_remaining_ms, Some(11_000));
        // The log cannot tell how many there are: positions do.
        let shown = rebuild(ReplayStatus::Running, 4_500, None);
        assert_eq!((shown.percent_complete, shown.events_processed), (45.0, 4_500));
        // More than there were when it began: never beyond the whole.
        let shown = rebuild(ReplayStatus::Running, 10_010, Some(10_000));
        assert_eq!((shown.percent_complete, shown.total_events), (100.0, 10_010));
        assert_eq!(shown.estimated_remaining_ms, Some(0));
    }

    #[test]
    fn what_is_over_takes_no_time() {
        let shown = rebuild(ReplayStatus::Completed, 10_000, Some(10_000));
        assert_eq!((shown.percent_complete, shown.estimated_remaining_ms), (100.0, None));
        let nothing = rebuild(ReplayStatus::Completed, 0, Some(0));
        assert_eq!((nothing.percent_complete, nothing.total_events), (100.0, 0));
        let cancelled = rebuild(ReplayStatus::Cancelled, 5_000, Some(10_000));
        assert_eq!((cancelled.percent_complete, cancelled.estimated_remaining_ms), (50.0, None));
    }
}
