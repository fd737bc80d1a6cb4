//! What is refused about subscriptions.

use everstep_engine::Rejection;

/// Why something that was asked of a subscription was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The namespace has none of this name.
    #[error("subscription `{0}` does not exist")]
    NotFound(String),
    /// There is one of this name with other settings.
    #[error("subscription `{0}` exists with other settings; delete it first, or use another name")]
    AlreadyExists(String),
    /// It cannot be as it was asked for.
    #[error("subscription `{name}`: {reason}")]
    Invalid {
        /// Which one.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More are asked for than a namespace may have.
    #[error("a namespace has at most {0} subscriptions; delete one first")]
    TooMany(usize),
    /// A token that no delivery has had.
    #[error("`{0}` is no token of a delivery")]
    InvalidToken(String),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] Rejection),
}

impl SubscriptionError {
    /// The stable code of the HTTP API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "subscription_not_found",
            Self::AlreadyExists(_) => "subscription_already_exists",
            Self::Invalid { .. } => "invalid_subscription",
            Self::TooMany(_) => "too_many_subscriptions",
            Self::InvalidToken(_) => "invalid_request",
            Self::Engine(rejection) => rejection.code(),
        }
    }
}
