//! An event that was given up, as it is shown.
//!
//! Invariant: it says whether it was given up itself or waits behind one that was.

use everstep_engine::Timestamp;
use serde::Serialize;

use super::rows::{StoredParked, position_of};

/// A parked event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParkedEvent {
    /// Its position.
    pub position: u64,
    /// Its lane.
    pub key: String,
    /// How often it was handed out.
    pub attempts: u32,
    /// Why it was given up; empty for one that waits behind another.
    pub reason: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub parked_at: Timestamp,
    /// Nothing is wrong with it: an earlier event of its lane is parked.
    pub is_behind: bool,
}

impl ParkedEvent {
    /// What a row says.
    pub(super) fn of(key: &str, row: StoredParked) -> Self {
        Self {
            position: position_of(key),
            key: row.key,
            attempts: row.attempt,
            reason: row.reason,
            parked_at: Timestamp::from_millis(row.parked_at_ms),
            is_behind: row.is_behind,
        }
    }
}
