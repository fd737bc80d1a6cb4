//! What is reported of an attempt from outside, under its task token.
//!
//! Invariant: a report is about one attempt and is refused, without a trace, once that attempt has
//! ended. It is taken while the attempt's code still runs here, too: the token may have reached its
//! reader before the code has returned.

use super::effect::Effect;
use super::history_log::stored_run;
use super::message::{OutsideReport, Reply};
use super::shard::Shard;
use crate::kernel::Command;
use crate::sdk::{CANCELLED, Heartbeat};
use crate::{Payload, Rejection, TaskToken};

impl Shard {
    pub(super) fn outside_report(
        &mut self,
        token: &TaskToken,
        report: OutsideReport,
        reply: Reply<bool>,
    ) {
        let answer = self.try_outside_report(token, report);
        self.turn.effects.push(Effect::AnswerReport(reply, answer));
    }

    /// Whether cancellation of the activity was asked for.
    fn try_outside_report(
        &mut self,
        token: &TaskToken,
        report: OutsideReport,
    ) -> Result<bool, Rejection> {
        let TaskToken { run_id, activity_id, attempt, .. } = *token;
        let open = self.ensure_resident(&token.namespace, run_id)?;
        let Some(resident) =
            self.residents.get(run_id).filter(|known| *known.namespace == *token.namespace)
        else {
            return Err(self.without_run(token)?);
        };
        let workflow_id = resident.workflow_id.to_string();
        if !open {
            let status = resident.run.status.to_string();
            return Err(Rejection::WorkflowClosed(workflow_id, status));
        }
        let stale = Rejection::ActivityNotPending { workflow_id, activity_id, attempt };
        let Some(activity) =
            resident.run.running_attempt(activity_id, attempt).filter(|known| !known.inline)
        else {
            return Err(stale);
        };
        let withdrawn = activity.cancel_requested_at.is_some();
        let command = match report {
            OutsideReport::Heartbeat(details) => {
                self.outside_heartbeat(token, details);
                return Ok(withdrawn);
            }
            OutsideReport::Complete(result) => {
                Command::CompleteActivity { activity_id, attempt, result }
            }
            OutsideReport::Fail(failure) if withdrawn && failure.kind == CANCELLED => {
                Command::AcknowledgeCancel { activity_id }
            }
            OutsideReport::Fail(failure) => Command::FailActivity { activity_id, attempt, failure },
        };
        // Its code may still run here; what it returns comes too late now.
        let heartbeat = self
            .forget_attempt(run_id, activity_id, attempt)
            .and_then(|forgotten| forgotten.heartbeat);
        self.step(run_id, |step| {
            if let Some(heartbeat) = heartbeat {
                step.save_heartbeat(activity_id, heartbeat);
            }
            step.execute_own(command);
        });
        Ok(withdrawn)
    }

    /// Written at once: whoever is answered may rely on it.
    fn outside_heartbeat(&mut self, token: &TaskToken, details: Payload) {
        let heartbeat = Heartbeat { at: self.turn.now, details };
        self.step(token.run_id, |step| step.save_heartbeat(token.activity_id, heartbeat));
        self.watch_attempt(token.run_id, token.activity_id);
    }

    /// Why the token finds no open run.
    fn without_run(&mut self, token: &TaskToken) -> Result<Rejection, Rejection> {
        let stored = stored_run(self.snapshot()?, &token.namespace, token.run_id)?;
        let Some(stored) = stored else {
            return Ok(Rejection::ActivityNotFound(token.to_string()));
        };
        let record = super::RunRecord::read(&stored)?;
        Ok(Rejection::WorkflowClosed(record.workflow_id, record.status.to_string()))
    }
}
