//! What is refused about projections.

use everstep_engine::Rejection;

use super::Category;

/// Why a projection was refused, or something that was asked of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// A registration says no category.
    #[error("a projection needs a category: logic, view, reporting or integration")]
    CategoryRequired,
    /// A registration says another one than there are.
    #[error("`{0}` is no category; there are logic, view, reporting and integration")]
    InvalidCategory(String),
    /// The projection cannot be as it was registered.
    #[error("projection `{name}`: {reason}")]
    Invalid {
        /// Which one.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The worker registers no such projection.
    #[error("projection `{0}` does not exist")]
    NotFound(String),
    /// The view has no row of the key.
    #[error("projection `{name}` has no row `{key}`")]
    RowNotFound {
        /// Which projection.
        name: String,
        /// Which row.
        key: String,
    },
    /// It is not read from outside.
    #[error("projection `{name}` is a {category} projection, which clients do not read")]
    InternalOnly {
        /// Which one.
        name: String,
        /// What it is for.
        category: Category,
    },
    /// Admins alone read it.
    #[error("projection `{0}` is a reporting projection, which admins alone read")]
    AdminOnly(String),
    /// Only views are followed.
    #[error(
        "projection `{name}` is a {category} projection; only view projections are followed: \
         register a view of the same events for clients that need to be told"
    )]
    SubscriptionsNotSupported {
        /// Which one.
        name: String,
        /// What it is for.
        category: Category,
    },
    /// An inline projection is kept by the transactions and cannot wait.
    #[error("projection `{0}` is kept in the transactions that append and cannot be paused")]
    NotPausable(String),
    /// It is being rebuilt already.
    #[error("projection `{name}` is being rebuilt already, by `{replay_id}`: wait, or cancel it")]
    ReplayAlreadyActive {
        /// Which one.
        name: String,
        /// The rebuild.
        replay_id: String,
    },
    /// It was never rebuilt.
    #[error("projection `{0}` was never rebuilt")]
    ReplayNotFound(String),
    /// Its last rebuild is over, or waits already.
    #[error("the rebuild of projection `{name}` is {status}")]
    ReplayNotRunning {
        /// Which one.
        name: String,
        /// What it is instead.
        status: &'static str,
    },
    /// No event at the position is set aside.
    #[error("no event at position {position} of projection `{name}` is quarantined")]
    NotQuarantined {
        /// Which projection.
        name: String,
        /// Where.
        position: u64,
    },
    /// The event, or one that waits behind it, is refused once more.
    #[error("projection `{name}` refuses the event at position {position} still: {why}")]
    StillRefused {
        /// Which projection.
        name: String,
        /// Where.
        position: u64,
        /// Why.
        why: String,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] Rejection),
}

impl ProjectionError {
    /// The stable code of the HTTP API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CategoryRequired => "CATEGORY_REQUIRED",
            Self::InvalidCategory(_) => "INVALID_CATEGORY",
            Self::Invalid { .. } => "invalid_projection",
            Self::NotFound(_) => "projection_not_found",
            Self::RowNotFound { .. } => "projection_row_not_found",
            Self::InternalOnly { .. } => "INTERNAL_ONLY",
            Self::AdminOnly(_) => "ADMIN_ONLY",
            Self::SubscriptionsNotSupported { .. } => "SUBSCRIPTIONS_NOT_SUPPORTED",
            Self::NotPausable(_) => "projection_not_pausable",
            Self::ReplayAlreadyActive { .. } => "REPLAY_ALREADY_ACTIVE",
            Self::ReplayNotFound(_) => "REPLAY_NOT_FOUND",
            Self::ReplayNotRunning { .. } => "REPLAY_NOT_RUNNING",
            Self::NotQuarantined { .. } => "event_not_quarantined",
            Self::StillRefused { .. } => "event_still_refused",
            Self::Engine(rejection) => rejection.code(),
        }
    }
}
