//! What is wrong with an agent, or with what is asked of one.

use everstep_engine::{ActivityError, Rejection};

/// A mistake in an agent's configuration. [`AgentConfigError::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentConfigError {
    /// It has no id, or one that cannot be.
    #[error("an agent needs an id of 1 to 100 letters, digits, `-` and `_`, found `{0}`")]
    AgentIdRequired(String),
    /// It listens to nothing.
    #[error("agent `{0}` subscribes to no events: name their types")]
    NoSubscriptions(String),
    /// It looks for nothing.
    #[error("agent `{0}` has no pattern to look for")]
    NoPatterns(String),
    /// A pattern without a name.
    #[error("a pattern of agent `{0}` has no name")]
    PatternNameRequired(String),
    /// A pattern that nothing triggers.
    #[error("pattern `{0}` has no trigger: say when it is worth an analysis")]
    TriggerRequired(String),
    /// A window that nothing can be found in.
    #[error("the window of pattern `{pattern}`: {reason}")]
    InvalidPatternWindow {
        /// Which pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A pattern of no events.
    #[error("pattern `{pattern}` needs at least one event, found `minEvents` {found}")]
    InvalidMinEvents {
        /// Which pattern.
        pattern: String,
        /// What was given.
        found: usize,
    },
    /// A length of time that cannot be read.
    #[error("`{0}` is no duration: write `30d`, `12h`, `15m` or `90s`")]
    InvalidDurationFormat(String),
    /// A threshold that no confidence can be compared with.
    #[error("a confidence threshold is 0 to 1, found {0}")]
    InvalidConfidenceThreshold(String),
    /// A command that is always and never approved by somebody.
    #[error("command `{0}` stands in `requiresApproval` and in `autoApprove`")]
    ConflictingApprovalRules(String),
    /// No pattern of that name.
    #[error("agent `{agent}` has no pattern `{pattern}`")]
    PatternNotFound {
        /// Which agent.
        agent: String,
        /// What was asked for.
        pattern: String,
    },
    /// Nothing analyses what it finds.
    #[error(
        "agent `{0}` has neither an LLM runtime nor a fallback: an LLM runtime or a fallback must be \
         configured"
    )]
    RuntimeRequired(String),
    /// Limits that cannot be.
    #[error("agent `{agent}`: {reason}")]
    InvalidLimits {
        /// Which agent.
        agent: String,
        /// What is wrong.
        reason: String,
    },
}

impl AgentConfigError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AgentIdRequired(_) => "AGENT_ID_REQUIRED",
            Self::NoSubscriptions(_) => "NO_SUBSCRIPTIONS",
            Self::NoPatterns(_) | Self::PatternNotFound { .. } => "PATTERN_NOT_FOUND",
            Self::PatternNameRequired(_) => "PATTERN_NAME_REQUIRED",
            Self::TriggerRequired(_) => "TRIGGER_REQUIRED",
            Self::InvalidPatternWindow { .. } => "INVALID_PATTERN_WINDOW",
            Self::InvalidMinEvents { .. } => "INVALID_MIN_EVENTS",
            Self::InvalidDurationFormat(_) => "INVALID_DURATION_FORMAT",
            Self::InvalidConfidenceThreshold(_) => "INVALID_CONFIDENCE_THRESHOLD",
            Self::ConflictingApprovalRules(_) => "CONFLICTING_APPROVAL_RULES",
            Self::RuntimeRequired(_) => "AGENT_RUNTIME_REQUIRED",
            Self::InvalidLimits { .. } => "INVALID_AGENT_LIMITS",
        }
    }
}

/// Why something that was asked of an agent was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The worker has no such agent.
    #[error("agent `{0}` does not exist")]
    NotFound(String),
    /// No approval, decision, command, dead letter or thread of that id.
    #[error("{0}")]
    RecordNotFound(String),
    /// The approval's time is over.
    #[error("Approval has expired")]
    ApprovalExpired,
    /// Somebody decided before.
    #[error("{0}")]
    AlreadyDecided(String),
    /// The agent's status does not allow it.
    #[error("{0}")]
    InvalidLifecycleTransition(String),
    /// A dead letter that cannot be replayed or ignored.
    #[error("{0}")]
    DeadLetter(String),
    /// It makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] Rejection),
}

/// The kinds of failures within transactions, which are codes of the API.
pub(super) const APPROVAL_EXPIRED: &str = "APPROVAL_EXPIRED";
pub(super) const APPROVAL_ALREADY_DECIDED: &str = "APPROVAL_ALREADY_DECIDED";
pub(super) const INVALID_LIFECYCLE_TRANSITION: &str = "INVALID_LIFECYCLE_TRANSITION";
pub(super) const AGENT_NOT_FOUND: &str = "AGENT_NOT_FOUND";
pub(super) const RECORD_NOT_FOUND: &str = "AGENT_RECORD_NOT_FOUND";
pub(super) const DEAD_LETTER_REFUSED: &str = "AGENT_DEAD_LETTER_REFUSED";

impl AgentError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => AGENT_NOT_FOUND,
            Self::RecordNotFound(_) => RECORD_NOT_FOUND,
            Self::ApprovalExpired => APPROVAL_EXPIRED,
            Self::AlreadyDecided(_) => APPROVAL_ALREADY_DECIDED,
            Self::InvalidLifecycleTransition(_) => INVALID_LIFECYCLE_TRANSITION,
            Self::DeadLetter(_) => DEAD_LETTER_REFUSED,
            Self::Invalid(_) => "invalid_request",
            Self::Engine(rejection) => rejection.code(),
        }
    }

    /// What a transaction of the agents failed with.
    pub(super) fn of(error: &ActivityError) -> Self {
        let message = error.failure().message.clone();
        match error.kind() {
            AGENT_NOT_FOUND => Self::NotFound(message),
            RECORD_NOT_FOUND => Self::RecordNotFound(message),
            APPROVAL_EXPIRED => Self::ApprovalExpired,
            APPROVAL_ALREADY_DECIDED => Self::AlreadyDecided(message),
            INVALID_LIFECYCLE_TRANSITION => Self::InvalidLifecycleTransition(message),
            DEAD_LETTER_REFUSED => Self::DeadLetter(message),
            "invalid_request" => Self::Invalid(message),
            _ => Self::Engine(Rejection::Unavailable(error.to_string())),
        }
    }
}

/// A refusal within a transaction.
pub(super) fn refused(kind: &'static str, what: impl std::fmt::Display) -> ActivityError {
    ActivityError::new(kind, what).non_retryable()
}
