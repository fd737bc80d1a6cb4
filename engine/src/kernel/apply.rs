//! How one event changes a run. Total: an event that was recorded cannot be refused.

use std::sync::Arc;

use super::{
    ActivityState, HistoryEvent, PendingActivity, PendingChild, PendingRequest, PendingTimer,
    PendingUpdate, Run, RunStatus,
};
use crate::Timestamp;

impl Run {
    /// The run that its first event describes; none when `event` is no first event.
    pub fn begin(event: &HistoryEvent, at: Timestamp) -> Option<Self> {
        let HistoryEvent::WorkflowStarted(started) = event else { return None };
        let children = match &started.continued {
            None => Default::default(),
            Some(given) => given
                .carried
                .children
                .iter()
                .map(|(id, child)| (*id, Box::new(child.clone())))
                .collect(),
        };
        Some(Self {
            delayed_until: started.start_delay_ms.map(|ms| at.plus_millis(ms)),
            started: started.clone(),
            started_at: started.reset.as_ref().map_or(at, |reset| reset.at),
            status: RunStatus::Running,
            closed_at: None,
            result: None,
            failure: None,
            history_length: 1,
            activities: Default::default(),
            timers: Default::default(),
            continued_to: None,
            children,
            requests: Default::default(),
            updates: Default::default(),
            cancel_requested: false,
            is_copying: started.reset.is_some(),
            task_failure: None,
            stuck_from: None,
            patches: Default::default(),
            tags: None,
        })
    }

    fn close(&mut self, status: RunStatus, at: Timestamp) {
        self.status = status;
        self.closed_at = Some(at);
        self.delayed_until = None;
        self.activities.clear();
        self.timers.clear();
        self.children.clear();
        self.requests.clear();
        self.updates.clear();
        self.task_failure = None;
        self.stuck_from = None;
    }
}

/// Applies the next event of a run that has begun.
pub fn apply(run: &mut Run, event: &HistoryEvent, at: Timestamp) {
    run.history_length += 1;
    match event {
        // A second first event cannot be recorded; `decide` refuses it.
        HistoryEvent::WorkflowStarted(_) => {}
        HistoryEvent::StartDelayElapsed => run.delayed_until = None,
        HistoryEvent::ActivityScheduled { activity_id, activity_type, input, options, inline } => {
            let activity = PendingActivity {
                activity_type: activity_type.clone(),
                input: input.clone(),
                options: options.clone(),
                inline: *inline,
                scheduled_at: at,
                attempt: 0,
                state: ActivityState::Scheduled,
                cancel_requested_at: None,
                last_failure: None,
            };
            run.activities.insert(*activity_id, Box::new(activity));
            run.note_queue(options.as_deref());
        }
        HistoryEvent::ActivityStarted { activity_id, attempt } => {
            if let Some(activity) = run.activities.get_mut(activity_id) {
                activity.attempt = *attempt;
                activity.state = ActivityState::Started(at);
            }
        }
        HistoryEvent::ActivityFailed { activity_id, failure, retry_at: Some(retry_at), .. } => {
            if let Some(activity) = run.activities.get_mut(activity_id) {
                activity.last_failure = Some(failure.clone());
                activity.state = ActivityState::BackingOff(*retry_at);
            }
        }
        HistoryEvent::ActivityCancelRequested { activity_id } => {
            if let Some(activity) = run.activities.get_mut(activity_id) {
                activity.cancel_requested_at = Some(at);
            }
        }
        HistoryEvent::ActivityHandedOver { activity_id, .. } => {
            if let Some(activity) = run.activities.get_mut(activity_id)
                && let ActivityState::Started(at) = activity.state
            {
                activity.state = ActivityState::HandedOver(at);
            }
        }
        HistoryEvent::ActivityResultLate { .. } => {}
        HistoryEvent::ActivityCompleted { activity_id, .. }
        | HistoryEvent::ActivityFailed { activity_id, retry_at: None, .. }
        | HistoryEvent::ActivityCancelled { activity_id, .. } => {
            run.activities.remove(activity_id);
        }
        HistoryEvent::TimerStarted { timer_id, fires_at } => {
            run.timers.insert(*timer_id, PendingTimer { started_at: at, fires_at: *fires_at });
        }
        HistoryEvent::TimerFired { timer_id } | HistoryEvent::TimerCancelled { timer_id } => {
            run.timers.remove(timer_id);
        }
        HistoryEvent::SignalReceived { .. } => {}
        HistoryEvent::WorkflowReset { from_run_id, .. } => {
            // Whatever is open by now was asked for by that run, or by one before it.
            let children = run.children.values_mut().map(|child| &mut child.asked_by);
            let requests = run.requests.values_mut().map(|request| &mut request.asked_by);
            for asked_by in children.chain(requests) {
                asked_by.get_or_insert(*from_run_id);
            }
            let own = run.started.reset.as_ref().map(|reset| reset.from_run_id);
            run.is_copying &= own != Some(*from_run_id);
        }
        HistoryEvent::WorkflowCancelRequested => run.cancel_requested = true,
        HistoryEvent::WorkflowCompleted { result } => {
            run.close(RunStatus::Completed, at);
            run.result = Some(result.clone());
        }
        HistoryEvent::WorkflowFailed { failure } => {
            run.close(RunStatus::Failed, at);
            run.failure = Some(failure.clone());
        }
        HistoryEvent::WorkflowCancelled => run.close(RunStatus::Cancelled, at),
        HistoryEvent::WorkflowTerminated { reason } => {
            run.close(RunStatus::Terminated, at);
            run.failure = Some(crate::Failure::new("terminated", reason.clone()));
        }
        HistoryEvent::WorkflowTimedOut => {
            let timeout = run.deadline().map_or("execution", |(_, timeout)| timeout);
            let mut failure =
                crate::Failure::new("timeout", format!("the {timeout} timeout ran out"));
            failure.timeout = Some(timeout.into());
            run.close(RunStatus::TimedOut, at);
            run.failure = Some(failure);
        }
        HistoryEvent::WorkflowPaused { .. } => run.status = RunStatus::Paused,
        HistoryEvent::WorkflowResumed => run.status = RunStatus::Running,
        HistoryEvent::WorkflowContinuedAsNew { new_run_id, .. } => {
            run.close(RunStatus::ContinuedAsNew, at);
            run.continued_to = Some(*new_run_id);
        }
        HistoryEvent::ChildWorkflowStartInitiated { child_id, start } => {
            let child = PendingChild {
                workflow_id: start.workflow_id.clone(),
                workflow_type: Arc::clone(&start.workflow_type),
                close_policy: start.close_policy,
                detached: start.detached,
                initiated_at: at,
                run_id: None,
                cancel_requested: false,
                asked_by: (!run.is_copying).then_some(run.started.run_id),
            };
            run.children.insert(*child_id, Box::new(child));
        }
        HistoryEvent::ChildWorkflowStarted { child_id, run_id } => {
            match run.children.get_mut(child_id) {
                // It goes on alone: no more will be heard of it.
                Some(child) if child.detached => drop(run.children.remove(child_id)),
                Some(child) => child.run_id = Some(*run_id),
                None => {}
            }
        }
        HistoryEvent::ChildWorkflowCancelRequested { child_id } => {
            if let Some(child) = run.children.get_mut(child_id) {
                child.cancel_requested = true;
            }
        }
        HistoryEvent::ChildWorkflowStartFailed { child_id, .. }
        | HistoryEvent::ChildWorkflowCompleted { child_id, .. }
        | HistoryEvent::ChildWorkflowFailed { child_id, .. }
        | HistoryEvent::ChildWorkflowCancelled { child_id }
        | HistoryEvent::ChildWorkflowTerminated { child_id, .. }
        | HistoryEvent::ChildWorkflowTimedOut { child_id, .. } => {
            run.children.remove(child_id);
        }
        HistoryEvent::ExternalRequested { request_id, request } => {
            let pending = PendingRequest {
                workflow_id: request.workflow_id.clone(),
                kind: request.ask.kind(),
                requested_at: at,
                asked_by: (!run.is_copying).then_some(run.started.run_id),
            };
            run.requests.insert(*request_id, Box::new(pending));
        }
        HistoryEvent::ExternalDelivered { request_id, .. }
        | HistoryEvent::ExternalFailed { request_id, .. } => {
            run.requests.remove(request_id);
        }
        HistoryEvent::UpdateAccepted(update) => {
            let (name, payload) = (Arc::clone(&update.name), update.payload.clone());
            let pending = PendingUpdate { name, payload, accepted_at: at };
            run.updates.insert(Arc::clone(&update.update_id), pending);
        }
        HistoryEvent::UpdateCompleted(update) => {
            run.updates.remove(&update.update_id);
        }
        HistoryEvent::WorkflowTaskFailed(failure) => {
            run.task_failure = Some(failure.clone());
            run.stuck_from.get_or_insert(run.history_length);
        }
        HistoryEvent::WorkflowTaskRecovered => {
            run.task_failure = None;
            run.stuck_from = None;
        }
        HistoryEvent::PatchMarked { patch_id, deprecated } => {
            run.patches.insert(Arc::clone(patch_id), *deprecated);
        }
        HistoryEvent::SearchAttributesUpserted { attributes } => run.upsert_attributes(attributes),
        HistoryEvent::MemoUpserted { memo } => run.upsert_memo(memo),
    }
}
