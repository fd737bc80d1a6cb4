//! Uniqueness by the stream's version: who finds the entity's stream begun is told which value is
//! taken, and not that versions differ.

use everstep_engine::{ActivityError, Payload};
use serde::Serialize;

/// The kind of an append's failure whose expected version did not match.
const VERSION_CONFLICT: &str = "VERSION_CONFLICT";

/// Another entity has this value already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("another entity has {field} `{value}` already")]
pub struct UniqueConstraintViolation {
    /// The field that must be unique.
    pub field: String,
    /// The value that is taken.
    pub value: String,
}

impl UniqueConstraintViolation {
    /// The failure's kind, and the code of the HTTP API.
    pub const CODE: &'static str = "unique_constraint_violation";

    /// Says of a creation that failed with [`VERSION_CONFLICT`] which value is taken; any other
    /// failure stays what it is.
    ///
    /// ```
    /// use everstep_activities::UniqueConstraintViolation;
    /// use everstep_engine::ActivityError;
    ///
    /// let lost = ActivityError::new("VERSION_CONFLICT", "expected version 0, found 1");
    /// let error = UniqueConstraintViolation::translate(lost, "username", "alice");
    /// assert_eq!(error.kind(), "unique_constraint_violation");
    /// ```
    pub fn translate(error: ActivityError, field: &str, value: &str) -> ActivityError {
        match error.kind() {
            VERSION_CONFLICT => {
                Self { field: field.to_owned(), value: value.to_owned() }.into_failure()
            }
            _ => error,
        }
    }

    /// The violation as a transaction returns it; field and value stand beside the message.
    pub fn into_failure(self) -> ActivityError {
        let failure = ActivityError::new(Self::CODE, &self).non_retryable();
        match Payload::from_value(&self) {
            Ok(details) => failure.with_details(details),
            Err(_) => failure,
        }
    }
}
