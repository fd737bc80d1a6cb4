//! What a workflow asked for, in words, as tests compare it.

use std::collections::BTreeMap;

use crate::Payload;
use crate::kernel::{ExternalAsk, HistoryEvent, Recorded};

fn named(what: &str, changed: &BTreeMap<String, Payload>) -> String {
    let names: Vec<_> = changed.keys().map(String::as_str).collect();
    format!("upsert {what} {}", names.join(" "))
}

/// The command that an event records; none for what happened by itself.
pub(super) fn command(recorded: &Recorded) -> Option<String> {
    Some(match &recorded.event {
        HistoryEvent::ActivityScheduled { activity_type, inline: true, .. } => {
            format!("step {activity_type}")
        }
        HistoryEvent::ActivityScheduled { activity_type, .. } => {
            format!("activity {activity_type}")
        }
        HistoryEvent::ActivityCancelRequested { activity_id } => {
            format!("cancel activity {activity_id}")
        }
        HistoryEvent::TimerStarted { fires_at, .. } => {
            format!("timer {} ms", fires_at.millis_since(recorded.at))
        }
        HistoryEvent::TimerCancelled { .. } => "cancel timer".to_owned(),
        HistoryEvent::ChildWorkflowStartInitiated { start, .. } => {
            let what = if start.detached { "start" } else { "child" };
            format!("{what} {}", start.workflow_type)
        }
        HistoryEvent::ChildWorkflowCancelRequested { .. } => "cancel child".to_owned(),
        HistoryEvent::ExternalRequested { request, .. } => {
            let whom = &request.workflow_id;
            match &request.ask {
                ExternalAsk::Signal(signal) => format!("signal {} to {whom}", signal.name),
                ExternalAsk::Cancel => format!("cancel {whom}"),
                ExternalAsk::Terminate { .. } => format!("terminate {whom}"),
            }
        }
        HistoryEvent::UpdateCompleted(update) => format!("answer update {}", update.update_id),
        HistoryEvent::PatchMarked { patch_id, .. } => format!("patch {patch_id}"),
        HistoryEvent::SearchAttributesUpserted { attributes } => named("attributes", attributes),
        HistoryEvent::MemoUpserted { memo } => named("memo", memo),
        HistoryEvent::WorkflowCompleted { .. } => "complete".to_owned(),
        HistoryEvent::WorkflowFailed { failure } => format!("fail {}", failure.kind),
        HistoryEvent::WorkflowContinuedAsNew { .. } => "continue as new".to_owned(),
        HistoryEvent::WorkflowCancelled => "cancel".to_owned(),
        _ => return None,
    })
}
