//! What became of an expectation, for whoever shows it.

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It happened.
    Confirmed {
        /// Which one.
        id: String,
        /// Where.
        position: u64,
    },
    /// Another event stands where it was expected.
    Conflict {
        /// Which one.
        id: String,
        /// Where.
        position: u64,
        /// The event that is there.
        found: String,
    },
    /// What was to lead to it was refused.
    Refused {
        /// Which one.
        id: String,
    },
    /// Nothing was heard of it for too long.
    Expired {
        /// Which one.
        id: String,
    },
}

impl Notice {
    /// The expectation that it is about.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Confirmed { id, .. }
            | Self::Conflict { id, .. }
            | Self::Refused { id }
            | Self::Expired { id } => id,
        }
    }

    /// Whether what was shown is taken back.
    #[must_use]
    pub const fn is_rollback(&self) -> bool {
        !matches!(self, Self::Confirmed { .. })
    }
}
