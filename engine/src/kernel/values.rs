//! Where a history event carries values of its users: the one list of them.
//!
//! Invariant: every event kind is listed, so that none can be forgotten by who hides values or
//! keeps them elsewhere.

use std::sync::Arc;

use super::{ExternalAsk, HistoryEvent};
use crate::{Failure, Payload, SignalInput};

/// A value that somebody gave.
pub(crate) enum ValueMut<'a> {
    /// JSON.
    Payload(&'a mut Payload),
    /// JSON of a memo or a search attribute, which lists show and limits of their own bound.
    Listed(&'a mut Payload),
    /// Prose: why something failed, was paused or reset.
    Text(&'a mut String),
}

type Visit<'v> = dyn FnMut(ValueMut<'_>) + 'v;

impl HistoryEvent {
    /// Shows each value of the event to `visit`, always in the same order.
    pub(crate) fn visit_values(&mut self, visit: &mut Visit<'_>) {
        match self {
            Self::WorkflowStarted(started) => {
                let started = Arc::make_mut(started);
                payload(&mut started.input, visit);
                started.memo.iter_mut().for_each(|memo| listed(memo, visit));
                let attributes = started.search_attributes.values_mut();
                attributes.for_each(|value| listed(value, visit));
                if let Some(continued) = &mut started.continued {
                    continued.carried.signals.iter_mut().for_each(|sent| signal(sent, visit));
                }
            }
            Self::ActivityScheduled { input: value, .. }
            | Self::ActivityCompleted { result: value, .. }
            | Self::SignalReceived { payload: value, .. }
            | Self::WorkflowCompleted { result: value }
            | Self::WorkflowContinuedAsNew { input: value, .. }
            | Self::ChildWorkflowCompleted { result: value, .. } => payload(value, visit),
            Self::ActivityFailed { failure: found, .. }
            | Self::WorkflowFailed { failure: found }
            | Self::ChildWorkflowStartFailed { failure: found, .. }
            | Self::ChildWorkflowFailed { failure: found, .. }
            | Self::ChildWorkflowTerminated { failure: found, .. }
            | Self::ChildWorkflowTimedOut { failure: found, .. }
            | Self::ExternalFailed { failure: found, .. } => visit_failure(found, visit),
            Self::WorkflowTerminated { reason }
            | Self::WorkflowPaused { reason }
            | Self::WorkflowReset { reason, .. } => visit(ValueMut::Text(reason)),
            Self::WorkflowTaskFailed(found) => visit(ValueMut::Text(&mut found.message)),
            Self::ChildWorkflowStartInitiated { start, .. } => {
                payload(&mut start.input, visit);
                start.memo.iter_mut().for_each(|memo| listed(memo, visit));
                let attributes = start.search_attributes.values_mut();
                attributes.for_each(|value| listed(value, visit));
                start.signal.iter_mut().for_each(|sent| signal(sent, visit));
            }
            Self::ExternalRequested { request, .. } => match &mut request.ask {
                ExternalAsk::Signal(asked) => signal(asked, visit),
                ExternalAsk::Terminate { reason } => visit(ValueMut::Text(reason)),
                ExternalAsk::Cancel => {}
            },
            Self::SearchAttributesUpserted { attributes: values }
            | Self::MemoUpserted { memo: values } => {
                values.values_mut().for_each(|value| listed(value, visit));
            }
            Self::UpdateAccepted(update) => payload(&mut update.payload, visit),
            Self::UpdateCompleted(update) => outcome(&mut update.outcome, visit),
            Self::ActivityResultLate { outcome: found, .. } => outcome(found, visit),
            Self::StartDelayElapsed
            | Self::ActivityStarted { .. }
            | Self::ActivityHandedOver { .. }
            | Self::ActivityCancelRequested { .. }
            | Self::ActivityCancelled { .. }
            | Self::TimerStarted { .. }
            | Self::TimerFired { .. }
            | Self::TimerCancelled { .. }
            | Self::WorkflowCancelRequested
            | Self::WorkflowCancelled
            | Self::WorkflowTimedOut
            | Self::WorkflowTaskRecovered
            | Self::WorkflowResumed
            | Self::ChildWorkflowStarted { .. }
            | Self::ChildWorkflowCancelRequested { .. }
            | Self::ChildWorkflowCancelled { .. }
            | Self::ExternalDelivered { .. }
            | Self::PatchMarked { .. } => {}
        }
    }
}

/// Shows the values of a failure to `visit`. Its type is none: code decides by it.
pub(crate) fn visit_failure(failure: &mut Failure, visit: &mut Visit<'_>) {
    visit(ValueMut::Text(&mut failure.message));
    failure.details.iter_mut().for_each(|details| payload(details, visit));
}

fn payload(value: &mut Payload, visit: &mut Visit<'_>) {
    visit(ValueMut::Payload(value));
}

fn listed(value: &mut Payload, visit: &mut Visit<'_>) {
    visit(ValueMut::Listed(value));
}

fn signal(sent: &mut SignalInput, visit: &mut Visit<'_>) {
    payload(&mut sent.payload, visit);
}

fn outcome(outcome: &mut Result<Payload, Failure>, visit: &mut Visit<'_>) {
    match outcome {
        Ok(result) => payload(result, visit),
        Err(found) => visit_failure(found, visit),
    }
}
