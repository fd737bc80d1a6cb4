//! How a subscription is, and the watchdog: what tells one that stands still from one that has
//! nothing to do.
//!
//! Invariant: all of it is read from one snapshot and the time; nobody needs to be told that a
//! subscription stalls, so nothing has to run for it to be seen.

use everstep_engine::log::Direction;
use everstep_engine::{Rejection, RowSnapshot, Timestamp};
use serde::Serialize;

use super::rows::{STATES, Stored, StoredState};
use super::settings::EventFilter;
use super::{SubscriptionError, SubscriptionSettings};

/// Events that are looked at to find the first that was not handed out.
const LOOKED_AT: usize = 4_096;
const PAGE: usize = 512;

/// What a subscription does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionActivity {
    /// Every event is settled: there is nothing to do.
    CaughtUp,
    /// Events are with consumers, or were settled a short while ago.
    Active,
    /// What is open rests until it is tried again.
    Retrying,
    /// There is something to do, and for long nothing was.
    Stalled,
}

/// How a subscription is.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubscriptionStatus {
    /// Its name.
    pub name: String,
    /// What it was made with.
    pub settings: SubscriptionSettings,
    /// What it does.
    pub status: SubscriptionActivity,
    /// Why it is stalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Every event up to here is settled, or parked, or stands in a row of its own.
    pub checkpoint: u64,
    /// The newest event of the namespace.
    pub last_position: u64,
    /// Positions between the checkpoint and the newest event; 0 when none of them is its own.
    pub lag: u64,
    /// Events that are handed out.
    pub in_flight: u64,
    /// Events that rest until they are tried again.
    pub resting: u64,
    /// Events that were given up.
    pub parked: u64,
    /// Events that wait behind those.
    pub behind: u64,
    /// Lanes that are held by a parked event.
    pub held_lanes: u64,
    /// Consumers that wait for events now.
    pub polling: usize,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Deliveries that were refused, or whose time ran out.
    pub retried: u64,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Timestamp,
    /// When an event was last settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub progress_at: Option<Timestamp>,
}

pub(super) fn status(
    rows: &RowSnapshot,
    name: &str,
    stored: &Stored,
    polling: usize,
    now: Timestamp,
) -> Result<SubscriptionStatus, SubscriptionError> {
    let state: StoredState = rows.get(STATES, name)?.unwrap_or_default();
    let last_position = rows.log().last_position().map_err(Rejection::from)?;
    let next = first_after(rows, &stored.settings.filter, state.checkpoint)?;
    let lag = next.map_or(0, |_| last_position - state.checkpoint);
    let (status, reason) = watch(stored, &state, next, polling, now);
    Ok(SubscriptionStatus {
        name: name.to_owned(),
        settings: stored.settings.clone(),
        status,
        reason,
        checkpoint: state.checkpoint,
        last_position,
        lag,
        in_flight: state.in_flight,
        resting: state.resting,
        parked: state.parked,
        behind: state.behind,
        held_lanes: state.held_lanes,
        polling,
        acknowledged: state.acknowledged,
        retried: state.retried,
        created_at: Timestamp::from_millis(stored.created_at_ms),
        progress_at: (state.progress_at_ms != 0)
            .then(|| Timestamp::from_millis(state.progress_at_ms)),
    })
}

/// When the first event beyond the checkpoint was appended, if there is one. Of many that the
/// log's own query cannot tell from the subscription's only so many are looked at.
fn first_after(
    rows: &RowSnapshot,
    filter: &EventFilter,
    checkpoint: u64,
) -> Result<Option<i64>, SubscriptionError> {
    let (log, query, mut after) = (rows.log(), filter.query(), checkpoint);
    // Without stream types the first one is it.
    let page = if filter.stream_types.is_empty() { 1 } else { PAGE };
    for _ in 0..LOOKED_AT / PAGE {
        let found = log.matching(&query, after + 1, Direction::Forwards, page);
        let found = found.map_err(Rejection::from)?;
        if let Some(event) = found.iter().find(|event| filter.matches(event)) {
            return Ok(Some(event.recorded_at_ms()));
        }
        match found.last() {
            Some(last) if found.len() == page => after = last.position(),
            _ => return Ok(None),
        }
    }
    Ok(Some(0))
}

fn watch(
    stored: &Stored,
    state: &StoredState,
    next: Option<i64>,
    polling: usize,
    now: Timestamp,
) -> (SubscriptionActivity, Option<String>) {
    use SubscriptionActivity::{Active, CaughtUp, Retrying, Stalled};
    let now_ms = now.as_millis();
    if next.is_none() && state.open == 0 && state.behind == 0 {
        return (CaughtUp, None);
    }
    if state.in_flight > 0 && now_ms < state.leased_until_ms {
        return (Active, None);
    }
    if state.resting > 0 && now_ms < state.resting_until_ms {
        return (Retrying, None);
    }
    let since = state.progress_at_ms.max(next.unwrap_or_default()).max(stored.created_at_ms);
    let for_ms = now_ms.saturating_sub(since);
    if u64::try_from(for_ms).unwrap_or_default() < stored.settings.stall_after_ms {
        return (Active, None);
    }
    let most_parked = stored.settings.max_parked as u64;
    let why = if state.parked + state.behind >= most_parked {
        format!("the parked list is full ({most_parked}): replay or discard parked events")
    } else if polling > 0 && state.held_lanes > 0 {
        let lanes = state.held_lanes;
        format!("{lanes} lanes are held by parked events: replay or discard these")
    } else if polling > 0 {
        "consumers poll and settle nothing".to_owned()
    } else {
        "no consumer polls".to_owned()
    };
    (Stalled, Some(why))
}
