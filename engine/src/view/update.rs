//! An update as its caller and the inspector see it.

use serde::{Deserialize, Serialize};

use crate::{Failure, Payload, Timestamp};

/// How far an update has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpdateStatus {
    /// Kept, and waiting for the code to look at it.
    Admitted,
    /// Turned down by the code's validator.
    Rejected,
    /// Taken by the code and not answered yet.
    Accepted,
    /// Answered with a result.
    Completed,
    /// Answered with a failure.
    Failed,
}

impl UpdateStatus {
    /// Whether it goes no further.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Completed | Self::Failed)
    }
}

/// An update, and its answer when there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateState {
    /// The id under which it is deduplicated.
    pub update_id: String,
    /// The update's name.
    pub name: String,
    /// How far it has come.
    pub status: UpdateStatus,
    /// The answer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::result::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub result: Option<Payload>,
    /// Why the code could not do it, or why its validator turned it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub failure: Option<Failure>,
}

/// An update that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingUpdateView {
    /// The id under which it is deduplicated.
    pub update_id: String,
    /// The update's name.
    pub name: String,
    /// `admitted` or `accepted`.
    pub status: UpdateStatus,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub since: Timestamp,
}
