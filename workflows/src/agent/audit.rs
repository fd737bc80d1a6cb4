//! What is written down of everything that an agent does.
//!
//! Invariant: records are added and never changed, through the agents' own context alone.

use everstep_engine::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

macro_rules! audit_types {
    ($($name:ident)*) => {
        /// What a record tells of.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AuditType {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                $name,
            )*
            /// One that this program does not know: it is shown as it is.
            Unknown(String),
        }

        impl AuditType {
            /// The names that this program writes and knows.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The name.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Unknown(name) => name,
                }
            }

            /// The type of that name.
            pub fn named(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

audit_types! {
    PatternDetected CommandEmitted ApprovalRequested ApprovalGranted ApprovalRejected
    ApprovalExpired DeadLetterRecorded CheckpointUpdated
    AgentCommandRouted AgentCommandRoutingFailed
    AgentStarted AgentPaused AgentResumed AgentStopped AgentReconfigured
    AgentErrorRecoveryStarted
    AgentDecisionPending AgentApprovalExpired AgentCommandFailed AgentAnalysisFailed
    AgentRateLimited AgentBudgetExceeded AgentQueueOverflow AgentDecisionMade
    AgentActionRejected
}

impl AuditType {
    /// Whether a filter by this type takes that one: some facts have two names.
    pub fn takes(&self, other: &Self) -> bool {
        let one = |this: &Self| match this {
            Self::ApprovalExpired => Self::AgentApprovalExpired,
            Self::ApprovalRejected => Self::AgentActionRejected,
            same => same.clone(),
        };
        one(self) == one(other)
    }
}

impl Serialize for AuditType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AuditType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::named(&name))
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Its number among the agent's, from 1.
    pub audit_id: u64,
    /// Whose.
    pub agent_id: String,
    /// In which subscription.
    pub subscription_id: String,
    /// What it tells of.
    #[serde(rename = "type")]
    pub audit_type: AuditType,
    /// When.
    pub at: Timestamp,
    /// The decision that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// What else is to be said.
    pub data: Value,
}
