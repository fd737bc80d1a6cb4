//! How a projection is, and the watchdog: what tells one that stands still from one that has
//! nothing to do.
//!
//! Invariant: all of it is read from one snapshot and from what the keeper has last seen.

use std::sync::atomic::Ordering;

use everstep_engine::log::Direction;
use everstep_engine::{Rejection, RowSnapshot, Timestamp};
use serde::Serialize;

use super::rows::{self, PAUSES};
use super::telling::{Telling, telling};
use super::{Category, Delivery, ProjectionCode, ProjectionError, ProjectionService, quarantine};
use crate::projection_replay::{self, RebuildStatus};

/// Without a step for so long, a projection that has something to do is stalled.
const STALLED_AFTER_MS: i64 = 60_000;

/// How a projection of a namespace is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub category: Category,
    /// How it is kept.
    pub delivery: Delivery,
    /// Who asks it and how: `internal`, `client`, `admin` or `events`.
    pub query_pattern: &'static str,
    /// Whether clients may follow it.
    pub reactive: bool,
    /// What defines an integration projection's shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<&'static str>,
    /// How far other contexts are told of its rows, if it publishes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publishes: Option<Telling>,
    /// `current`, `catching_up`, `paused`, `failing`, or `stalled`: there is something to do, and
    /// for a minute nothing was.
    pub status: &'static str,
    /// Every event up to here is in its rows.
    pub position: u64,
    /// The newest event.
    pub last_position: u64,
    /// How many events it is behind.
    pub lag: u64,
    /// Events that have touched a row.
    pub events: u64,
    /// When its checkpoint was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Events that its code refuses and that were set aside, each with its row; at most 1,000 are
    /// counted.
    pub quarantined: u64,
    /// Its last rebuild, or the one that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<RebuildStatus>,
    /// Why it waits, or fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ProjectionService {
    pub(super) fn status_of(
        &self,
        code: &ProjectionCode,
        namespace: &str,
        snapshot: &RowSnapshot,
    ) -> Result<ProjectionStatus, ProjectionError> {
        let checkpoint = rows::checkpoint(snapshot, code.name)?;
        let last_position = snapshot.log().last_position().map_err(Rejection::from)?;
        let paused: Option<String> = snapshot.get(PAUSES, code.name)?;
        let live = self.0.lock().get(&(namespace.to_owned(), code.name)).cloned();
        let seen = live.as_ref().map_or(0, |live| live.seen.load(Ordering::Relaxed));
        let failure = live.and_then(|live| live.failure());
        // What was seen may be newer than the snapshot.
        let position = checkpoint.position.max(seen).min(last_position);
        let lag = last_position - position;
        let status = match (&paused, &failure) {
            (Some(_), _) => "paused",
            (None, Some(_)) => "failing",
            (None, None) if lag == 0 => "current",
            (None, None) if self.stands_still(code, snapshot, checkpoint, position)? => "stalled",
            (None, None) => "catching_up",
        };
        Ok(ProjectionStatus {
            name: code.name.to_owned(),
            category: code.category,
            delivery: code.delivery,
            query_pattern: code.category.query_pattern(),
            reactive: code.category.is_reactive(),
            contract: code.contract,
            publishes: telling(snapshot, code)?,
            status,
            position,
            last_position,
            lag,
            events: checkpoint.events,
            updated_at: (checkpoint.at_ms != 0).then(|| Timestamp::from_millis(checkpoint.at_ms)),
            quarantined: quarantine::count(snapshot, checkpoint.shelf(code.name))?,
            rebuild: projection_replay::of(snapshot, code.name)?,
            reason: paused.or(failure),
        })
    }

    /// The watchdog: whether an event of the projection waits, and neither it nor the last step is
    /// young.
    fn stands_still(
        &self,
        code: &ProjectionCode,
        snapshot: &RowSnapshot,
        checkpoint: rows::Checkpoint,
        position: u64,
    ) -> Result<bool, ProjectionError> {
        let stalled_at = self.0.engine.now().as_millis() - STALLED_AFTER_MS;
        if checkpoint.at_ms > stalled_at {
            return Ok(false);
        }
        let next = snapshot.log().matching(&code.query, position + 1, Direction::Forwards, 1);
        let next = next.map_err(Rejection::from)?;
        Ok(next.first().is_some_and(|event| event.recorded_at_ms() <= stalled_at))
    }
}
