//! A run's children, as its history tells of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::{HistoryEvent, Run};
use crate::{RunId, Timestamp};

/// A child that has not closed, or a start that was not answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingChildView {
    /// Its id within the parent.
    pub child_id: String,
    /// Its workflow id.
    pub workflow_id: String,
    /// Its first run, once it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub run_id: Option<RunId>,
    /// Its registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// `initiated`, `started` or `cancel_requested`.
    pub state: String,
    /// What happens to it when the parent closes: `terminate`, `cancel` or `abandon`; none for a
    /// workflow that is only started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_policy: Option<String>,
    /// When the code asked for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub initiated_at: Timestamp,
}

pub(super) fn pending_children(run: &Run) -> Vec<PendingChildView> {
    let children = run.children.iter();
    children
        .map(|(id, child)| PendingChildView {
            child_id: id.to_string(),
            workflow_id: child.workflow_id.clone(),
            run_id: child.run_id,
            workflow_type: child.workflow_type.to_string(),
            state: match child.run_id {
                _ if child.cancel_requested => "cancel_requested",
                None => "initiated",
                Some(_) => "started",
            }
            .to_owned(),
            close_policy: (!child.detached).then(|| child.close_policy.name().to_owned()),
            initiated_at: child.initiated_at,
        })
        .collect()
}

/// Every child that a history speaks of.
#[derive(Default)]
pub(super) struct Children(BTreeMap<u32, String>);

impl Children {
    /// Those that the runs before `run` in its chain have left to it.
    pub(super) fn carried_by(run: &Run) -> Self {
        let children = run.children.iter();
        Self(children.map(|(&id, child)| (id, child.workflow_id.clone())).collect())
    }

    pub(super) fn take_in(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::ChildWorkflowStartInitiated { child_id, start } if !start.detached => {
                self.0.insert(*child_id, start.workflow_id.clone());
            }
            HistoryEvent::ChildWorkflowStartFailed { child_id, .. } => {
                self.0.remove(child_id);
            }
            _ => {}
        }
    }

    pub(super) fn workflow_ids(self) -> Vec<String> {
        self.0.into_values().collect()
    }
}
