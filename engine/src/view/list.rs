//! Runs as rows of a list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Payload, RunId, RunStatus, Timestamp};

/// One row of the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
    /// The workflow that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The starter's memo.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub memo: Payload,
    /// Attributes that the list can filter by.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub search_attributes: BTreeMap<String, Payload>,
    /// The build that started it.
    pub build_id: String,
    /// The namespace that holds it.
    pub namespace: String,
    /// Whether its code cannot go on (panic, non-determinism, nothing durable awaited), or an
    /// activity fails again and again.
    pub stuck: bool,
    /// The fingerprint of what it failed with, or of what it is stuck at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The task queues that its activities went through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
    /// The version of the code that it stays with; none for code without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The patches that its code has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
}

/// A page of the list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// The rows, in the order that was asked for.
    pub workflows: Vec<RunSummary>,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// The page ends before it is full: as many rows were examined as one request may. Go on with
    /// the page token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}
