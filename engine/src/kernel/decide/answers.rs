//! What another run's answer means to this one. An answer that nobody waits for means nothing.

use crate::kernel::{Answer, HistoryEvent, Run};
use crate::{Failure, Payload, RunStatus};

pub(super) fn decide(run: &Run, answer: Answer) -> Option<HistoryEvent> {
    use HistoryEvent as E;
    match answer {
        Answer::Started { child_id, run_id } => {
            let child = run.children.get(&child_id)?;
            child.run_id.is_none().then_some(E::ChildWorkflowStarted { child_id, run_id })
        }
        Answer::StartFailed { child_id, failure } => {
            let child = run.children.get(&child_id)?;
            child.run_id.is_none().then_some(E::ChildWorkflowStartFailed { child_id, failure })
        }
        Answer::Closed { child_id, status, result, failure } => {
            run.children.get(&child_id)?;
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
            let kind = run.requests.get(&request_id)?.kind;
            Some(E::ExternalDelivered { request_id, kind })
        }
        Answer::Refused { request_id, failure } => {
            let kind = run.requests.get(&request_id)?.kind;
            Some(E::ExternalFailed { request_id, kind, failure })
        }
    }
}
