//! A run's side of its relations: what it posts when its code asks, and when it closes.

use super::Step;
use crate::kernel::{
    Answer, ChildStart, ClosePolicy, ExternalAsk, HistoryEvent, PendingChild, Run,
};
use crate::runtime::mailbox::{self, Act, Address, AddressedRun, AnswerTo, Letter};
use crate::{IdReuse, RunStatus, StartRequest, TraceContext};

impl Step<'_> {
    /// Posts what an event that is about to be applied means for other runs.
    pub(in crate::runtime) fn post_letters(&mut self, event: &HistoryEvent) {
        let started = &self.resident.run.started;
        let letter = match event {
            HistoryEvent::ChildWorkflowStartInitiated { child_id, start } => {
                let answer_to = Some(AnswerTo::new(started, *child_id));
                let parent = (!start.detached).then(|| Box::new(mailbox::link(started, *child_id)));
                let mut request = request(&started.namespace, start);
                request.trace = Some(Box::new(TraceContext::of_run(started)));
                // What the reset has left out may have begun it already.
                if started.reset.is_some()
                    && !start.detached
                    && request.id_reuse == IdReuse::RejectDuplicate
                {
                    request.id_reuse = IdReuse::AllowIfClosed;
                }
                mailbox::start(request, start.workflow_id.clone(), parent, answer_to)
            }
            HistoryEvent::ChildWorkflowCancelRequested { child_id } => {
                let Some(child) = self.resident.run.children.get(child_id) else { return };
                to_child(&self.resident.run, *child_id, child, Act::RequestCancel)
            }
            HistoryEvent::ExternalRequested { request_id, request } => {
                let run = request.run_id.map_or(AddressedRun::Newest, AddressedRun::Run);
                let workflow_id = request.workflow_id.clone();
                let to = Address { namespace: started.namespace.clone(), workflow_id, run };
                let act = match &request.ask {
                    ExternalAsk::Signal(signal) => Act::Signal(signal.clone()),
                    ExternalAsk::Cancel => Act::RequestCancel,
                    ExternalAsk::Terminate { reason } => Act::Terminate { reason: reason.clone() },
                };
                Letter { to, act, answer_to: Some(AnswerTo::new(started, *request_id)) }
            }
            _ => return,
        };
        self.turn.mailbox.post(letter);
    }

    /// The run's chain is about to close: its children are dealt with as their policies say.
    pub(in crate::runtime) fn release_children(&mut self) {
        let run = &self.resident.run;
        let kept = self.resident.superseded.as_ref();
        for (&child_id, child) in &run.children {
            let act = match child.close_policy {
                _ if child.detached => continue,
                _ if kept.is_some_and(|kept| kept.contains(&child_id)) => continue,
                ClosePolicy::Abandon => continue,
                ClosePolicy::Cancel => Act::RequestCancel,
                ClosePolicy::Terminate => {
                    let parent = &run.started.workflow_id;
                    Act::Terminate { reason: format!("its parent `{parent}` has closed") }
                }
            };
            self.turn.mailbox.post(to_child(run, child_id, child, act));
        }
    }

    /// The run has closed: its parent is told.
    pub(in crate::runtime) fn tell_parent(&mut self) {
        let run = &self.resident.run;
        let Some(parent) = &run.started.parent else { return };
        if run.status == RunStatus::ContinuedAsNew || self.resident.superseded.is_some() {
            return;
        }
        let answer_to = AnswerTo {
            namespace: run.started.namespace.clone(),
            workflow_id: parent.workflow_id.clone(),
            first_run_id: parent.first_run_id,
            run_id: parent.run_id,
            id: parent.child_id,
        };
        let answer = Answer::Closed {
            child_id: parent.child_id,
            run_id: run.started.first_run_id(),
            status: run.status,
            result: run.result.clone(),
            failure: run.failure.clone(),
        };
        self.turn.mailbox.post(answer_to.letter(answer));
    }
}

/// A letter to a child, whichever run of its own chain it is in by now.
fn to_child(run: &Run, child_id: u32, child: &PendingChild, act: Act) -> Letter {
    let namespace = run.started.namespace.clone();
    let run_of_child = AddressedRun::Child(Box::new(mailbox::link(&run.started, child_id)));
    let to = Address { namespace, workflow_id: child.workflow_id.clone(), run: run_of_child };
    Letter { to, act, answer_to: None }
}

fn request(namespace: &str, start: &ChildStart) -> StartRequest {
    let mut request = StartRequest::new(&*start.workflow_type, start.input.clone());
    request.namespace = namespace.to_owned();
    request.workflow_id = Some(start.workflow_id.clone());
    request.id_reuse = start.id_reuse;
    request.on_conflict = start.on_conflict;
    request.start_delay_ms = start.start_delay_ms;
    request.execution_timeout_ms = start.execution_timeout_ms;
    request.memo = start.memo.clone();
    request.search_attributes = start.search_attributes.clone();
    request.signal = start.signal.clone();
    request
}
