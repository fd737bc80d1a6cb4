//! Why nothing was appended.

use super::event::StreamId;
use crate::error::StoreError;

/// Nothing was appended, and nothing is left of the attempt.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendRefusal {
    /// The stream has another version than the writer knows.
    #[error("stream `{stream}` is at version {current}, not {expected}: read it and decide again")]
    VersionConflict {
        /// The stream.
        stream: StreamId,
        /// The version that was expected.
        expected: u64,
        /// The version it has.
        current: u64,
    },
    /// The scope has another version than the writer knows.
    #[error("scope `{scope}` is at version {current}, not {expected}: read it and decide again")]
    ScopeConflict {
        /// The scope.
        scope: Box<str>,
        /// The version that was expected.
        expected: u64,
        /// The version it has.
        current: u64,
    },
    /// An event matches the condition.
    #[error("the event at position {position} matches the condition: read again and decide again")]
    ConditionFailed {
        /// The first such event known.
        position: u64,
    },
    /// The key was used with other events.
    #[error("idempotency key `{key}` was used before with other events")]
    IdempotencyConflict {
        /// The key.
        key: Box<str>,
    },
    /// The request makes no sense, whatever the log holds.
    #[error("{0}")]
    Invalid(String),
    /// Somebody who must agree to what is appended did not.
    #[error("{0}")]
    Vetoed(String),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
