//! Why a bounded context refuses something.

use everstep_engine::{ActivityError, Payload};

/// A refusal of a bounded context. [`ContextError::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// No context of this name is declared.
    #[error("context `{0}` is not declared; declared: {1}")]
    NotFound(String, String),
    /// The two have a relationship already.
    #[error("contexts `{0}` and `{1}` have a relationship already")]
    DuplicateRelationship(String, String),
    /// A relationship with itself.
    #[error("context `{0}` cannot have a relationship with itself")]
    SelfReference(String),
    /// Nothing on the map allows it.
    #[error(
        "context `{caller}` has no relationship that lets it use `{callee}`; declare one on the \
         context map"
    )]
    UndeclaredRelationship {
        /// Who asks.
        caller: String,
        /// Who is asked.
        callee: String,
    },
    /// The table belongs to another context, or the code to another one.
    #[error("context `{context}` cannot reach {what}: it belongs to `{owner}` alone")]
    Isolated {
        /// Who asks.
        context: String,
        /// For what.
        what: String,
        /// Whose it is.
        owner: String,
    },
    /// Nobody is named who asks.
    #[error("command `{0}` needs the id of the user who sends it")]
    UserIdRequired(String),
    /// The contract has no such command.
    #[error("context `{context}` has no command `{command}`; its contract has {known}")]
    UnknownCommandType {
        /// The context.
        context: String,
        /// The command that was sent.
        command: String,
        /// The commands that there are.
        known: String,
    },
    /// What was written, emitted or returned does not stand in the contract.
    #[error("the contract of context `{context}` has no {kind} `{name}`; it has {known}")]
    Undeclared {
        /// The context.
        context: String,
        /// What is missing: an event type, a table or an error code.
        kind: Declared,
        /// Its name.
        name: String,
        /// What there is.
        known: String,
    },
    /// The event's stream belongs to another context.
    #[error(
        "context `{context}` writes to streams whose type begins with `{prefix}`, and `{stream_type}` \
         does not"
    )]
    ForeignStream {
        /// The context.
        context: String,
        /// What its streams' types begin with.
        prefix: String,
        /// The stream's type.
        stream_type: String,
    },
}

/// What a contract declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// A type of events that the context emits.
    EventType,
    /// A table of the context's state.
    CmsType,
    /// A code that its commands are refused with.
    ErrorCode,
}

impl std::fmt::Display for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::EventType => "event type",
            Self::CmsType => "cms type",
            Self::ErrorCode => "error code",
        })
    }
}

impl ContextError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(..) => "context_not_found",
            Self::DuplicateRelationship(..) => "DUPLICATE_RELATIONSHIP",
            Self::SelfReference(_) => "SELF_REFERENCE",
            Self::UndeclaredRelationship { .. } => "UNDECLARED_RELATIONSHIP",
            Self::Isolated { .. } => "CONTEXT_ISOLATED",
            Self::UserIdRequired(_) => "USER_ID_REQUIRED",
            Self::UnknownCommandType { .. } => "UNKNOWN_COMMAND_TYPE",
            Self::Undeclared { kind, .. } => match kind {
                Declared::EventType => "UNDECLARED_EVENT_TYPE",
                Declared::CmsType => "UNDECLARED_CMS_TYPE",
                Declared::ErrorCode => "UNDECLARED_ERROR_CODE",
            },
            Self::ForeignStream { .. } => "FOREIGN_STREAM",
        }
    }

    /// The refusal as a transaction returns it. It is final: the same call gives the same refusal.
    pub fn into_failure(self) -> ActivityError {
        ActivityError::new(self.code(), &self).non_retryable()
    }

    /// The same with details beside the message.
    pub fn into_failure_with(self, details: &serde_json::Value) -> ActivityError {
        let failure = self.into_failure();
        match Payload::from_value(details) {
            Ok(details) => failure.with_details(details),
            Err(_) => failure,
        }
    }
}
