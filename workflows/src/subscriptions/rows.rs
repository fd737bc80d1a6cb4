//! What is stored of subscriptions.
//!
//! ```text
//! subscriptions        name            ──► settings, where it began
//! subscription_states  name            ──► checkpoint, counts, when it last moved
//! subscription_open    name/position   ──► handed out, resting, to be tried again, or settled early
//! subscription_parked  name/position   ──► given up, or waiting behind one that was
//! ```
//!
//! Invariant: all rows of a subscription are written by one transaction, which refuses itself
//! unless the state's revision is the one that it was made on. An event that matches is settled up
//! to the checkpoint unless it has a row; beyond the checkpoint it is open unless it has one.

use everstep_engine::{ActivityError, Keys, Table, TransactionContext};
use serde::{Deserialize, Serialize};

use super::SubscriptionSettings;

pub(super) const SUBSCRIPTIONS: Table<Stored> = Table::new("everstep", "subscriptions");
pub(super) const STATES: Table<StoredState> = Table::new("everstep", "subscription_states");
pub(super) const OPEN: Table<StoredOpen> = Table::new("everstep", "subscription_open");
pub(super) const PARKED: Table<StoredParked> = Table::new("everstep", "subscription_parked");

/// Rows that one transaction deletes of a subscription that goes.
const DELETED_AT_ONCE: usize = 1_000;

/// A subscription as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) settings: SubscriptionSettings,
    pub(super) created_at_ms: i64,
    /// It goes: nobody may use it, and its rows are being deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_deleted: bool,
}

/// How far a subscription is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredState {
    /// Grows with every transaction.
    pub(super) revision: u64,
    pub(super) checkpoint: u64,
    /// Events that were acknowledged.
    pub(super) acknowledged: u64,
    /// Deliveries that were refused, or whose time ran out.
    pub(super) retried: u64,
    /// Open events, as far as they were read.
    pub(super) open: u64,
    pub(super) in_flight: u64,
    pub(super) resting: u64,
    /// Parked, without those that wait behind.
    pub(super) parked: u64,
    /// Waiting behind a parked one.
    pub(super) behind: u64,
    pub(super) held_lanes: u64,
    /// When the last of what is handed out comes back by itself; 0 without any.
    pub(super) leased_until_ms: i64,
    /// When the last of what rests is tried again; 0 without any.
    pub(super) resting_until_ms: i64,
    /// When an event was last settled; 0 before the first.
    pub(super) progress_at_ms: i64,
}

/// An open event that is more than waiting, or one that is settled beyond the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredOpen {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) key: String,
    /// How often it was handed out.
    #[serde(default)]
    pub(super) attempt: u32,
    /// How often since it was made, or replayed.
    #[serde(default)]
    pub(super) tries: u32,
    pub(super) state: StoredOpenState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredOpenState {
    Waiting,
    Leased { consumer: String, until_ms: i64 },
    Resting { until_ms: i64, reason: String },
    Settled,
}

/// A parked event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredParked {
    pub(super) key: String,
    pub(super) attempt: u32,
    pub(super) reason: String,
    pub(super) parked_at_ms: i64,
    /// Nothing is wrong with it: an earlier event of its lane is parked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_behind: bool,
}

pub(super) fn row_key(name: &str, position: u64) -> String {
    format!("{name}/{position:020}")
}

pub(super) fn position_of(key: &str) -> u64 {
    key.rsplit('/').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Deletes some rows of a subscription that goes, and the subscription with the last of them.
pub(super) fn delete_some(
    tx: &mut TransactionContext<'_>,
    name: &str,
) -> Result<bool, ActivityError> {
    let keys = Keys::prefix(format!("{name}/")).limit(DELETED_AT_ONCE);
    let open: Vec<_> = tx.range(OPEN, &keys)?.into_iter().map(|(key, _)| key).collect();
    let parked: Vec<_> = tx.range(PARKED, &keys)?.into_iter().map(|(key, _)| key).collect();
    for key in &open {
        tx.delete(OPEN, key)?;
    }
    for key in &parked {
        tx.delete(PARKED, key)?;
    }
    let is_last = open.len() < DELETED_AT_ONCE && parked.len() < DELETED_AT_ONCE;
    if is_last {
        tx.delete(STATES, name)?;
        tx.delete(SUBSCRIPTIONS, name)?;
    }
    Ok(is_last)
}
