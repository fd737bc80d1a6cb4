//! What an exported history must not tell: the values in it. Their shape stays, so that code which
//! only passes them on still replays.
//!
//! Invariant: every event kind is listed, so that a new one cannot leak by being forgotten.

use std::sync::Arc;

use serde_json::Value;

use crate::kernel::{ExternalAsk, HistoryEvent, TaskFailure};
use crate::{Failure, Payload, SignalInput};

/// What stands in the place of every text.
const REDACTED: &str = "redacted";

/// Takes the values out of an event.
pub(super) fn redact(event: &mut HistoryEvent) {
    match event {
        HistoryEvent::WorkflowStarted(started) => {
            let started = Arc::make_mut(started);
            payload(&mut started.input);
            started.memo.iter_mut().for_each(payload);
            started.search_attributes.values_mut().for_each(payload);
        }
        HistoryEvent::ActivityScheduled { input: value, .. }
        | HistoryEvent::ActivityCompleted { result: value, .. }
        | HistoryEvent::SignalReceived { payload: value, .. }
        | HistoryEvent::WorkflowCompleted { result: value }
        | HistoryEvent::WorkflowContinuedAsNew { input: value, .. }
        | HistoryEvent::ChildWorkflowCompleted { result: value, .. } => payload(value),
        HistoryEvent::ActivityFailed { failure: found, .. }
        | HistoryEvent::WorkflowFailed { failure: found }
        | HistoryEvent::ChildWorkflowStartFailed { failure: found, .. }
        | HistoryEvent::ChildWorkflowFailed { failure: found, .. }
        | HistoryEvent::ChildWorkflowTerminated { failure: found, .. }
        | HistoryEvent::ChildWorkflowTimedOut { failure: found, .. }
        | HistoryEvent::ExternalFailed { failure: found, .. } => failure(found),
        HistoryEvent::WorkflowTerminated { reason }
        | HistoryEvent::WorkflowPaused { reason }
        | HistoryEvent::WorkflowReset { reason, .. } => {
            reason.replace_range(.., REDACTED);
        }
        HistoryEvent::WorkflowTaskFailed(found) => {
            let TaskFailure { message, .. } = &mut **found;
            message.replace_range(.., REDACTED);
        }
        HistoryEvent::ChildWorkflowStartInitiated { start, .. } => {
            payload(&mut start.input);
            start.memo.iter_mut().for_each(payload);
            start.search_attributes.values_mut().for_each(payload);
            start.signal.iter_mut().for_each(signal);
        }
        HistoryEvent::ExternalRequested { request, .. } => match &mut request.ask {
            ExternalAsk::Signal(asked) => signal(asked),
            ExternalAsk::Terminate { reason } => reason.replace_range(.., REDACTED),
            ExternalAsk::Cancel => {}
        },
        HistoryEvent::SearchAttributesUpserted { attributes: values }
        | HistoryEvent::MemoUpserted { memo: values } => values.values_mut().for_each(payload),
        HistoryEvent::UpdateAccepted(update) => payload(&mut update.payload),
        HistoryEvent::UpdateCompleted(update) => outcome(&mut update.outcome),
        HistoryEvent::ActivityResultLate { outcome: found, .. } => outcome(found),
        HistoryEvent::StartDelayElapsed
        | HistoryEvent::ActivityStarted { .. }
        | HistoryEvent::ActivityHandedOver { .. }
        | HistoryEvent::ActivityCancelRequested { .. }
        | HistoryEvent::ActivityCancelled { .. }
        | HistoryEvent::TimerStarted { .. }
        | HistoryEvent::TimerFired { .. }
        | HistoryEvent::TimerCancelled { .. }
        | HistoryEvent::WorkflowCancelRequested
        | HistoryEvent::WorkflowCancelled
        | HistoryEvent::WorkflowTimedOut
        | HistoryEvent::WorkflowTaskRecovered
        | HistoryEvent::WorkflowResumed
        | HistoryEvent::ChildWorkflowStarted { .. }
        | HistoryEvent::ChildWorkflowCancelRequested { .. }
        | HistoryEvent::ChildWorkflowCancelled { .. }
        | HistoryEvent::ExternalDelivered { .. }
        | HistoryEvent::PatchMarked { .. } => {}
    }
}

fn signal(signal: &mut SignalInput) {
    payload(&mut signal.payload);
}

fn outcome(outcome: &mut Result<Payload, Failure>) {
    match outcome {
        Ok(result) => payload(result),
        Err(found) => failure(found),
    }
}

/// Its kind stays: code decides by it.
fn failure(failure: &mut Failure) {
    failure.message.replace_range(.., REDACTED);
    failure.details.iter_mut().for_each(payload);
}

fn payload(payload: &mut Payload) {
    let redacted = payload.to::<Value>().map(shape).and_then(|value| Payload::from_value(&value));
    *payload = redacted.unwrap_or_default();
}

/// The same keys and lengths; texts say nothing, numbers are 0, flags are kept.
fn shape(value: Value) -> Value {
    match value {
        Value::String(_) => Value::String(REDACTED.to_owned()),
        Value::Number(_) => Value::from(0),
        Value::Array(items) => Value::Array(items.into_iter().map(shape).collect()),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, shape(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_and_their_shape_stays() {
        let mut found =
            Payload::parse(r#"{"card":"4111","cents":990,"tags":["a",null],"ok":true}"#).unwrap();
        payload(&mut found);
        let shown = r#"{"card":"redacted","cents":0,"ok":true,"tags":["redacted",null]}"#;
        assert_eq!(found.as_str(), shown);
    }
}
