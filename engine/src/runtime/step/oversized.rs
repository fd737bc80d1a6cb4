//! What becomes of what a workflow's code gives the run and is larger than the limit.
//!
//! Invariant: it never reaches the history. In its place stands what was asked for without its
//! payloads, and its refusal comes when everything else that the code asked for in the same poll
//! is recorded, one event at a time, as every other answer does. So code that goes on after such a
//! refusal replays the same, whatever the limits are then.

use super::Step;
use crate::batch::is_built_in;
use crate::kernel::{Answer, ChildStart, Command, ExternalAsk, TaskFailure, TaskFailureKind};
use crate::limits::refused;
use crate::sdk::{Asked, is_given_an_end};
use crate::{Failure, Payload, PayloadLimits, Rejection};

impl Step<'_> {
    /// Why what the code asks for cannot be recorded as it is, if it cannot.
    pub(in crate::runtime) fn too_large(&self, asked: &Asked) -> Option<Rejection> {
        if is_given_an_end(&self.resident.run.started.workflow_type) {
            return None;
        }
        let limits = &self.turn.limits;
        let checked = match asked {
            Asked::ScheduleActivity { input, .. } => limits.check("activity input", input),
            Asked::StartChild { start, .. } => check_child(limits, start),
            Asked::AskExternal { request, .. } => match &request.ask {
                ExternalAsk::Signal(signal) => limits.check("signal payload", &signal.payload),
                ExternalAsk::Cancel | ExternalAsk::Terminate { .. } => Ok(()),
            },
            Asked::CompleteUpdate { outcome: Ok(result), .. } => {
                limits.check("update result", result)
            }
            Asked::CompleteUpdate { outcome: Err(failure), .. } => {
                limits.check_failure(failure).and_then(|()| PayloadLimits::check_message(failure))
            }
            Asked::UpsertMemo { memo, .. } => {
                let changed = self.resident.run.memo_with(memo);
                changed.map_or(Ok(()), |memo| limits.check_memo(&memo))
            }
            Asked::UpsertSearchAttributes { attributes, .. } => {
                let mut changed = self.resident.run.search_attributes().clone();
                changed.extend(attributes.clone());
                changed.retain(|_, value| !value.is_null());
                limits.check_attributes(&changed)
            }
            Asked::StartTimer { .. }
            | Asked::CancelActivity { .. }
            | Asked::CancelTimer { .. }
            | Asked::CancelChild { .. }
            | Asked::MarkPatch { .. } => Ok(()),
        };
        checked.err()
    }

    /// Records what the code asked for without what is too large in it; the refusal follows.
    pub(in crate::runtime) fn refuse_asked(&mut self, asked: Asked, rejection: &Rejection) {
        let failure = refused(rejection);
        match asked {
            Asked::ScheduleActivity { activity_id, activity_type, options, inline, .. } => {
                let input = Payload::null();
                self.execute_own(Command::ScheduleActivity {
                    activity_id,
                    activity_type,
                    input,
                    options,
                    inline,
                });
                self.refusals.push_back(Command::RefuseActivity { activity_id, failure });
            }
            Asked::StartChild { child_id, mut start, .. } => {
                start.input = Payload::null();
                start.memo = None;
                start.search_attributes.clear();
                start.signal.iter_mut().for_each(|signal| signal.payload = Payload::null());
                self.record_unsent(Command::InitiateChild { child_id, start });
                self.answer_later(Answer::StartFailed { child_id, failure });
            }
            Asked::AskExternal { request_id, mut request, .. } => {
                if let ExternalAsk::Signal(signal) = &mut request.ask {
                    signal.payload = Payload::null();
                }
                self.record_unsent(Command::RequestExternal { request_id, request });
                self.answer_later(Answer::Refused { request_id, failure });
            }
            Asked::CompleteUpdate { update_id, outcome } => {
                let failure = match outcome {
                    Ok(_) => failure,
                    Err(failure) => self.turn.limits.cut(*failure),
                };
                let outcome = Err(Box::new(failure));
                self.execute_fitting(Asked::CompleteUpdate { update_id, outcome });
            }
            // Nobody waits for these, so there is nobody to tell but the run itself.
            Asked::UpsertMemo { location, .. } | Asked::UpsertSearchAttributes { location, .. } => {
                self.fail_task(Box::new(TaskFailure {
                    kind: TaskFailureKind::PayloadTooLarge,
                    message: rejection.to_string(),
                    event_id: None,
                    recorded: None,
                    asked: None,
                    location: Some(location.to_string()),
                    at: self.turn.now,
                }));
            }
            fitting => self.execute_fitting(fitting),
        }
    }

    /// How the code ended, as far as there is room for it: a result that is too large is a failure.
    pub(in crate::runtime) fn fitting_end(&self, result: Payload) -> Command {
        match self.check_end("result", &result) {
            Ok(()) => Command::Complete { result },
            Err(failure) => Command::Fail { failure },
        }
    }

    /// Refuses what the run would hand on and is too large.
    pub(in crate::runtime) fn check_end(
        &self,
        what: &str,
        payload: &Payload,
    ) -> Result<(), Failure> {
        // The engine's own workflows bound what they return by themselves.
        if is_built_in(&self.resident.run.started.workflow_type) {
            return Ok(());
        }
        self.turn.limits.check(what, payload).map_err(|rejection| refused(&rejection))
    }

    /// Records a request to another run that is not sent.
    fn record_unsent(&mut self, command: Command) {
        self.unsent = true;
        self.execute_own(command);
        self.unsent = false;
    }

    fn answer_later(&mut self, answer: Answer) {
        let asked_by = Some(self.resident.run_id);
        self.refusals.push_back(Command::TakeAnswer { answer: Box::new(answer), asked_by });
    }
}

fn check_child(limits: &PayloadLimits, start: &ChildStart) -> Result<(), Rejection> {
    limits.check("input", &start.input)?;
    start.memo.as_ref().map_or(Ok(()), |memo| limits.check_memo(memo))?;
    limits.check_attributes(&start.search_attributes)?;
    match &start.signal {
        Some(signal) => limits.check("signal payload", &signal.payload),
        None => Ok(()),
    }
}
