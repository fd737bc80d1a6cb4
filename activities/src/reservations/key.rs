//! What is reserved: a type and a value, such as `email:alice@example.com`.
//!
//! Invariant: a type has no `:`, so the first one ends it, and no two pairs of type and value have
//! the same key.

use std::fmt;
use std::str::FromStr;

use everstep_engine::ActivityError;
use serde::{Deserialize, Serialize};

use super::failure::invalid_key;

const LONGEST_TYPE: usize = 64;
const LONGEST_VALUE: usize = 512;

/// A type and a value of it. Values are compared as they come: bring them into one form first where
/// several mean the same.
///
/// ```
/// use everstep_activities::reservations::ReservationKey;
///
/// let key = ReservationKey::new("email", "alice@example.com").unwrap();
/// assert_eq!(key.to_string(), "email:alice@example.com");
/// let colon = ReservationKey::new("path", "a:b").unwrap();
/// assert_eq!("path:a:b".parse::<ReservationKey>().unwrap(), colon);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReservationKey {
    kind: String,
    value: String,
}

impl ReservationKey {
    /// The key of a type and a value.
    ///
    /// # Errors
    /// `INVALID_RESERVATION_KEY`.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Result<Self, ActivityError> {
        let (kind, value) = (kind.into(), value.into());
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if kind.is_empty() || kind.len() > LONGEST_TYPE || !kind.chars().all(allowed) {
            return Err(invalid_key(format!(
                "type `{kind}` of a reservation is not 1 to {LONGEST_TYPE} letters, digits, `_` and `-`"
            )));
        }
        if value.is_empty() || value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
            return Err(invalid_key(format!(
                "value of a `{kind}` reservation is not 1 to {LONGEST_VALUE} bytes without control \
                 characters"
            )));
        }
        Ok(Self { kind, value })
    }

    /// What the value is: `email`, `username`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for ReservationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

impl FromStr for ReservationKey {
    type Err = ActivityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((kind, value)) => Self::new(kind, value),
            None => Err(invalid_key(format!("`{text}` is no `type:value`"))),
        }
    }
}

impl TryFrom<String> for ReservationKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|error: ActivityError| error.failure().message.clone())
    }
}

impl From<ReservationKey> for String {
    fn from(key: ReservationKey) -> Self {
        key.to_string()
    }
}
