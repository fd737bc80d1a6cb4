//! Children and requests to other runs.

use everstep_engine::RunStatus;
use everstep_engine::kernel::{ExternalKind, PendingChild};

use crate::model::Model;
use crate::moves::{ChildMove, RequestMove};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) detached: bool,
    begun: bool,
    withdrawn: bool,
}

impl Child {
    pub(crate) fn of(child: &PendingChild) -> Self {
        Self {
            detached: child.detached,
            begun: child.run_id.is_some(),
            withdrawn: child.cancel_requested,
        }
    }
}

impl Model {
    pub(crate) fn act_on_child(&mut self, id: u32, act: &ChildMove) -> Option<&'static str> {
        if let ChildMove::Ask { detached } = *act {
            self.children.insert(id, Child { detached, begun: false, withdrawn: false });
            return Some("child_workflow_start_initiated");
        }
        let child = self.children.get_mut(&id)?;
        match *act {
            ChildMove::Ask { .. } => None,
            ChildMove::Begin | ChildMove::Refuse if child.begun => None,
            ChildMove::Begin => {
                child.begun = true;
                // No more is heard of one that goes on alone.
                if child.detached {
                    self.children.remove(&id);
                }
                Some("child_workflow_started")
            }
            ChildMove::Refuse => {
                self.children.remove(&id);
                Some("child_workflow_start_failed")
            }
            ChildMove::Withdraw if child.withdrawn => None,
            ChildMove::Withdraw => {
                child.withdrawn = true;
                Some("child_workflow_cancel_requested")
            }
            ChildMove::Close { status } => {
                self.children.remove(&id);
                Some(match status {
                    RunStatus::Completed => "child_workflow_completed",
                    RunStatus::Failed => "child_workflow_failed",
                    RunStatus::Cancelled => "child_workflow_cancelled",
                    RunStatus::TimedOut => "child_workflow_timed_out",
                    _ => "child_workflow_terminated",
                })
            }
        }
    }

    pub(crate) fn act_on_request(&mut self, id: u32, act: &RequestMove) -> Option<&'static str> {
        let (kind, names) = match *act {
            RequestMove::Ask { kind } => {
                self.requests.insert(id, kind);
                let names = [
                    "external_signal_requested",
                    "external_cancel_requested",
                    "external_terminate_requested",
                ];
                (kind, names)
            }
            RequestMove::Deliver => {
                let names = [
                    "external_signal_delivered",
                    "external_cancel_delivered",
                    "external_terminate_delivered",
                ];
                (self.requests.remove(&id)?, names)
            }
            RequestMove::Refuse => {
                let names = [
                    "external_signal_failed",
                    "external_cancel_failed",
                    "external_terminate_failed",
                ];
                (self.requests.remove(&id)?, names)
            }
        };
        Some(match kind {
            ExternalKind::Signal => names[0],
            ExternalKind::Cancel => names[1],
            ExternalKind::Terminate => names[2],
        })
    }
}
