//! What a history says of other runs: children, starts, requests. One group for each, from the
//! asking to the end, with a link to the other run.

use everstep_engine::kernel::{ExternalAsk, ExternalRequest};
use everstep_engine::{Failure, HistoryEvent, Timestamp};

use super::{Journal, PREVIEW_CHARS, Subject, preview};
use crate::ui::payload;
use crate::ui::tone::Tone;

impl Journal {
    /// Takes in an event about another run; false when it is about something else.
    pub(super) fn take_relation(&mut self, event: &HistoryEvent, at: Timestamp) -> bool {
        match event {
            HistoryEvent::ChildWorkflowStartInitiated { child_id, start } => {
                let preview = preview(&start.input);
                self.open(Subject::Child, &start.workflow_type, Tone::Running, at, preview);
                self.relate(*child_id, &start.workflow_id);
            }
            HistoryEvent::ChildWorkflowStarted { child_id, .. } => {
                self.activity(*child_id, |_| {});
            }
            HistoryEvent::ChildWorkflowCompleted { child_id, result } => {
                let preview = payload::preview(result, PREVIEW_CHARS);
                self.end_relation(*child_id, Tone::Completed, at, preview);
            }
            HistoryEvent::ChildWorkflowStartFailed { child_id, failure }
            | HistoryEvent::ChildWorkflowFailed { child_id, failure } => {
                self.end_relation(*child_id, Tone::Failed, at, text_of(failure));
            }
            HistoryEvent::ChildWorkflowTerminated { child_id, failure } => {
                self.end_relation(*child_id, Tone::Terminated, at, text_of(failure));
            }
            HistoryEvent::ChildWorkflowTimedOut { child_id, failure } => {
                self.end_relation(*child_id, Tone::TimedOut, at, text_of(failure));
            }
            HistoryEvent::ChildWorkflowCancelled { child_id } => {
                self.end_relation(*child_id, Tone::Cancelled, at, String::new());
            }
            HistoryEvent::ChildWorkflowCancelRequested { child_id } => {
                self.activity(*child_id, |group| group.preview = "cancel requested".into());
            }
            HistoryEvent::ExternalRequested { request_id, request } => {
                self.request(*request_id, request, at);
            }
            HistoryEvent::ExternalDelivered { request_id, .. } => {
                self.activity(*request_id, |group| group.end(Tone::Completed, at));
                self.activities.remove(request_id);
            }
            HistoryEvent::ExternalFailed { request_id, failure, .. } => {
                self.end_relation(*request_id, Tone::Failed, at, text_of(failure));
            }
            _ => return false,
        }
        true
    }

    fn request(&mut self, request_id: u32, request: &ExternalRequest, at: Timestamp) {
        let (name, preview) = match &request.ask {
            ExternalAsk::Signal(signal) => (signal.name.clone(), preview(&signal.payload)),
            ExternalAsk::Cancel => ("cancel".into(), String::new()),
            ExternalAsk::Terminate { reason } => {
                ("terminate".into(), payload::one_line(reason, PREVIEW_CHARS))
            }
        };
        self.open(Subject::Request, &name, Tone::Running, at, preview);
        self.relate(request_id, &request.workflow_id);
    }

    /// The newest group is about that workflow. Children, requests and activities of a run share
    /// one series of ids.
    fn relate(&mut self, id: u32, workflow_id: &str) {
        self.activities.insert(id, self.groups.len() - 1);
        if let Some(group) = self.groups.last_mut() {
            group.other = Some(workflow_id.into());
        }
    }

    fn end_relation(&mut self, id: u32, tone: Tone, at: Timestamp, preview: String) {
        self.activity(id, |group| {
            group.end(tone, at);
            group.preview = preview;
        });
        self.activities.remove(&id);
    }
}

fn text_of(failure: &Failure) -> String {
    payload::one_line(&format!("{}: {}", failure.kind, failure.message), PREVIEW_CHARS)
}
