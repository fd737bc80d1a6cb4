//! What can go wrong when a model is asked, by codes that a workflow decides by.
//!
//! Invariant: a failure says what it may have cost: `usage` where the provider counted, `charged`
//! when nobody knows whether it did.

use std::fmt;
use std::time::Duration;

use everstep_engine::{ActivityError, Failure, Payload};
use serde::{Deserialize, Serialize};

use super::LlmUsage;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LlmErrorCode {
    /// 429: asked too often; worth another try when the provider says so.
    #[serde(rename = "LLM_RATE_LIMITED")]
    RateLimited,
    /// 5xx, no connection; worth another try.
    #[serde(rename = "LLM_UNAVAILABLE")]
    Unavailable,
    /// No answer in time; worth another try.
    #[serde(rename = "LLM_TIMEOUT")]
    Timeout,
    /// An answer of another shape; the same question may get it again.
    #[serde(rename = "LLM_INVALID_RESPONSE")]
    InvalidResponse,
    /// The key is refused, or there is none, or no credit is left: somebody has to look.
    #[serde(rename = "LLM_AUTH_FAILED")]
    AuthFailed,
}

impl LlmErrorCode {
    /// Every code.
    pub const ALL: [Self; 5] = [
        Self::RateLimited,
        Self::Unavailable,
        Self::Timeout,
        Self::InvalidResponse,
        Self::AuthFailed,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "LLM_RATE_LIMITED",
            Self::Unavailable => "LLM_UNAVAILABLE",
            Self::Timeout => "LLM_TIMEOUT",
            Self::InvalidResponse => "LLM_INVALID_RESPONSE",
            Self::AuthFailed => "LLM_AUTH_FAILED",
        }
    }

    /// The code of a failed activity; one whose process died, or that ran out of the engine's own
    /// time, is a timeout: nobody knows whether it was answered.
    pub fn of(failure: &Failure) -> Option<Self> {
        let named = Self::ALL.into_iter().find(|code| code.name() == failure.kind);
        match failure.kind.as_str() {
            "lost" | "timeout" | "call_timeout" => Some(Self::Timeout),
            _ => named,
        }
    }

    /// Whether the same question may be answered later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Timeout)
    }

    /// Whether it says that the provider is not well, as a circuit breaker counts it.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Timeout)
    }
}

impl fmt::Display for LlmErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stands beside a failure's code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<LlmUsage>,
}

pub(super) fn failed(code: LlmErrorCode, what: impl fmt::Display, with: &Details) -> ActivityError {
    let error = ActivityError::new(code.name(), what);
    let error = if code.is_retryable() { error } else { error.non_retryable() };
    match Payload::from_value(with) {
        Ok(details) => error.with_details(details),
        Err(_) => error,
    }
}

impl LlmUsage {
    /// What a failed question cost as far as the provider counted; none when it did not say.
    pub fn of(failure: &Failure) -> Option<Self> {
        details(failure).usage
    }
}

impl LlmErrorCode {
    /// How long the provider wants to be left alone.
    pub fn retry_after(failure: &Failure) -> Option<Duration> {
        details(failure).retry_after_ms.map(Duration::from_millis)
    }
}

fn details(failure: &Failure) -> Details {
    let given = failure.details.as_ref().and_then(|details| details.to::<Details>().ok());
    given.unwrap_or_default()
}
