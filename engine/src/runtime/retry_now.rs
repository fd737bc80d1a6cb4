//! Trying again at once what waits for its next try: an activity in its pause, code that failed.

use super::effect::Effect;
use super::message::Reply;
use super::requests::Target;
use super::shard::Shard;
use crate::kernel::ActivityState;
use crate::{Rejection, RunStatus, Selector};

impl Shard {
    /// Starts the next attempt of an activity that waits for it.
    pub(super) fn retry_activity(
        &mut self,
        selector: &Selector,
        activity_id: u32,
        reply: Reply<()>,
    ) {
        let answer = self.try_retry_activity(selector, activity_id);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    fn try_retry_activity(
        &mut self,
        selector: &Selector,
        activity_id: u32,
    ) -> Result<(), Rejection> {
        let target = self.open_target(selector)?;
        let id = || selector.workflow_id.clone();
        let Some(resident) = self.residents.get(target.run_id) else {
            return Err(Rejection::NoSuchActivity(id(), activity_id));
        };
        let activity = resident.run.activities.get(&activity_id);
        let activity = activity.ok_or_else(|| Rejection::NoSuchActivity(id(), activity_id))?;
        let why_not = match activity.state {
            _ if resident.run.status == RunStatus::Paused => Some("the run is paused"),
            _ if activity.cancel_requested_at.is_some() => Some("it was asked to end"),
            ActivityState::Started(_) | ActivityState::HandedOver(_) => Some("an attempt runs"),
            ActivityState::Scheduled | ActivityState::BackingOff(_) => None,
        };
        if let Some(why_not) = why_not {
            return Err(Rejection::ActivityNotWaiting(id(), activity_id, why_not));
        }
        self.step(target.run_id, |step| step.start_attempt(activity_id));
        Ok(())
    }

    /// Tries code again that failed, as soon as its history is durable.
    pub(super) fn retry_task_now(&mut self, selector: &Selector, reply: Reply<()>) {
        let answer = self.try_retry_task_now(selector);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    fn try_retry_task_now(&mut self, selector: &Selector) -> Result<(), Rejection> {
        let target = self.open_target(selector)?;
        let stuck = self.residents.get(target.run_id).is_some_and(|resident| {
            resident.run.task_failure.is_some() && resident.run.status != RunStatus::Paused
        });
        if !stuck {
            return Err(Rejection::TaskNotFailed(selector.workflow_id.clone()));
        }
        self.retry_task(&selector.namespace, target.run_id)
    }

    /// The open run that the selector names, in memory.
    fn open_target(&mut self, selector: &Selector) -> Result<Target, Rejection> {
        let target = self.target(selector)?;
        if target.status.is_closed() {
            let (id, status) = (selector.workflow_id.clone(), target.status.to_string());
            return Err(Rejection::WorkflowClosed(id, status));
        }
        self.ensure_resident(&selector.namespace, target.run_id)?;
        Ok(target)
    }
}
