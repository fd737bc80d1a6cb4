//! Why something from outside, or for it, cannot be translated.

use everstep_engine::{ActivityError, Payload};

/// A refusal of the anti-corruption layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslationError {
    /// What came has another shape than was agreed.
    #[error("what `{system}` sent is invalid at `{field}`: {why}")]
    InvalidExternalResponse {
        /// The other system.
        system: String,
        /// The path of the field.
        field: String,
        /// What was expected and what was found.
        why: String,
    },
    /// A value has no meaning on the other side.
    #[error("value {value} of `{field}` has no meaning here; known: {known}")]
    UnmappedValue {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// The values that have one.
        known: String,
    },
    /// What was to be sent has another shape than was agreed.
    #[error("what was to be sent to `{system}` is invalid at `{field}`: {why}")]
    InvalidExternalRequest {
        /// The other system.
        system: String,
        /// The path of the field.
        field: String,
        /// What was expected and what was found.
        why: String,
    },
}

impl TranslationError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidExternalResponse { .. } => "INVALID_EXTERNAL_RESPONSE",
            Self::UnmappedValue { .. } => "UNMAPPED_VALUE",
            Self::InvalidExternalRequest { .. } => "INVALID_EXTERNAL_REQUEST",
        }
    }

    /// The path of the field that is wrong.
    pub fn field(&self) -> &str {
        match self {
            Self::InvalidExternalResponse { field, .. }
            | Self::UnmappedValue { field, .. }
            | Self::InvalidExternalRequest { field, .. } => field,
        }
    }

    /// A field whose value cannot be read, for mappings that look closer than a schema does.
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        let (field, why) = (field.into(), why.into());
        Self::InvalidExternalResponse { system: String::new(), field, why }
    }

    /// The refusal as an activity returns it: final, since the same answer gives the same refusal;
    /// the field stands beside the message.
    pub fn into_failure(self) -> ActivityError {
        let failure = ActivityError::new(self.code(), &self).non_retryable();
        match Payload::from_value(&serde_json::json!({ "field": self.field() })) {
            Ok(details) => failure.with_details(details),
            Err(_) => failure,
        }
    }
}
