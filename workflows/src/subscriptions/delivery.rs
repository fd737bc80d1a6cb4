//! An event on its way to a consumer, and what names it when it is settled.
//!
//! Invariant: a token names one attempt, so that who was too late settles nothing of the next one.

use everstep_engine::log::{LogReader, RecordedEvent};
use everstep_engine::{Rejection, Timestamp};

use super::SubscriptionError;
use super::window::Handed;

/// An event that a consumer was handed.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What it is settled by: names the event and the attempt.
    pub token: DeliveryToken,
    /// Its lane.
    pub key: String,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// When it is given to somebody else unless it is settled by then.
    pub leased_until: Timestamp,
    /// The event; its position is what a consumer recognises a repetition by.
    pub event: RecordedEvent,
}

/// Names one delivery: `POSITION.ATTEMPT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryToken {
    /// The event.
    pub position: u64,
    /// How often it was handed out.
    pub attempt: u32,
}

impl std::fmt::Display for DeliveryToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.position, self.attempt)
    }
}

impl std::str::FromStr for DeliveryToken {
    type Err = SubscriptionError;

    fn from_str(text: &str) -> Result<Self, SubscriptionError> {
        let parsed = text.split_once('.').and_then(|(position, attempt)| {
            Some(Self { position: position.parse().ok()?, attempt: attempt.parse().ok()? })
        });
        parsed.ok_or_else(|| SubscriptionError::InvalidToken(text.to_owned()))
    }
}

impl Delivery {
    /// With its event, as the log has it.
    pub(super) fn of(log: &LogReader<'_>, handed: Handed) -> Result<Self, SubscriptionError> {
        let Handed { position, key, attempt, until_ms } = handed;
        let event = log.event(position).map_err(Rejection::from)?;
        let event = event.ok_or_else(|| {
            Rejection::Corrupt(format!("the event at position {position} is missing"))
        })?;
        Ok(Self {
            token: DeliveryToken { position, attempt },
            key: key.to_string(),
            attempt,
            leased_until: Timestamp::from_millis(until_ms),
            event,
        })
    }
}
