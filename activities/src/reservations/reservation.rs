//! A reservation as it is stored and shown.

use std::time::Duration;

use everstep_engine::Timestamp;
use serde::{Deserialize, Serialize};

use super::ReservationKey;

/// What a value is to be reserved for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is reserved.
    pub key: ReservationKey,
    /// For how long, in milliseconds. There is no default: a claim without it is refused.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// Who reserves. The same holder asking again is answered with what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

impl Claim {
    /// A claim for so long.
    pub fn new(key: ReservationKey, ttl: Duration) -> Self {
        let ttl_ms = Some(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        Self { key, ttl_ms, holder: None }
    }

    /// Who reserves: a registration's id, say.
    #[must_use]
    pub fn holder(mut self, holder: impl Into<String>) -> Self {
        self.holder = Some(holder.into());
        self
    }
}

/// How far a reservation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReservationStatus {
    /// It holds the key until its time is over.
    Active,
    /// An entity has the value; it holds the key until the entity gives it up.
    Confirmed,
    /// It was given back.
    Released,
    /// Its time was over before anyone confirmed it.
    Expired,
}

impl ReservationStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id: random, so that who has it may confirm and release.
    pub reservation_id: String,
    /// What is reserved.
    pub key: ReservationKey,
    /// How far it has come, at the time of the answer.
    pub status: ReservationStatus,
    /// Since when.
    pub reserved_at: Timestamp,
    /// Until when, unless it is confirmed.
    pub expires_at: Timestamp,
    /// Who reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The entity that has the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
}

impl Reservation {
    /// The same as it is at `now`: one whose time is over has expired, whoever wrote that down.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if self.status == ReservationStatus::Active && self.expires_at <= now {
            self.status = ReservationStatus::Expired;
        }
        self
    }

    /// Whether it holds its key.
    pub const fn holds(&self) -> bool {
        matches!(self.status, ReservationStatus::Active | ReservationStatus::Confirmed)
    }
}
