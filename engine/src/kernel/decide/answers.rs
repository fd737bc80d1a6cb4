//! What another run's answer means to this one. An answer that nobody waits for means nothing.
//!
//! Invariant: ids are used again by a run that was reset, so an answer counts only if the run that
//! asked is the one that this run's history names.

use crate::kernel::{Answer, HistoryEvent, Run};
use crate::{Failure, Payload, RunId, RunStatus};

pub(super) fn decide(run: &Run, answer: Answer, asked_by: Option<RunId>) -> Option<HistoryEvent> {
    use HistoryEvent as E;
    let meant = |known: Option<RunId>| known.zip(asked_by).is_none_or(|(one, other)| one == other);
    let child = |id: u32| run.children.get(&id).filter(|child| meant(child.asked_by));
    let request = |id: u32| run.requests.get(&id).filter(|request| meant(request.asked_by));
    match answer {
        Answer::Started { child_id, run_id } => child(child_id)?
            .run_id
            .is_none()
            .then_some(E::ChildWorkflowStarted { child_id, run_id }),
        Answer::StartFailed { child_id, failure } => child(child_id)?
            .run_id
            .is_none()
            .then_some(E::ChildWorkflowStartFailed { child_id, failure }),
        Answer::Closed { child_id, run_id, status, result, failure } => {
            child(child_id)?.run_id.is_none_or(|known| known == run_id).then_some(())?;
            let failure = failure.unwrap_or_else(|| Failure::new(status.name(), "the child ended"));
            Some(match status {
                RunStatus::Completed => {
                    let result = result.unwrap_or_else(Payload::null);
                    E::ChildWorkflowCompleted { child_id, result }
                }
                RunStatus::Cancelled => E::ChildWorkflowCancelled { child_id },
                RunStatus::TimedOut => E::ChildWorkflowTimedOut { child_id, failure },
                RunStatus::Failed => E::ChildWorkflowFailed { child_id, failure },
                // The others are no end of a chain; whoever sends them has given the child up.
                RunStatus::Terminated
                | RunStatus::ContinuedAsNew
                | RunStatus::Running
                | RunStatus::Paused => E::ChildWorkflowTerminated { child_id, failure },
            })
        }
        Answer::Delivered { request_id } => {
            let kind = request(request_id)?.kind;
            Some(E::ExternalDelivered { request_id, kind })
        }
        Answer::Refused { request_id, failure } => {
            let kind = request(request_id)?.kind;
            Some(E::ExternalFailed { request_id, kind, failure })
        }
    }
}
