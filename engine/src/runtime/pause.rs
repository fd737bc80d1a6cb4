//! Pausing a run and letting it go on.
//!
//! While a run is paused everything that happens to it is recorded and applied, and nothing of it
//! is dispatched: its code is not polled, no attempt is started, its failed task is not tried.
//! Attempts that run may finish. What the code would have seen waits in `Resident::held` and is
//! shown to it, event by event, after `workflow_resumed` and at its time.
//!
//! Invariant: replay holds the same events back and releases them in the same order.

use super::effect::Effect;
use super::message::Reply;
use super::shard::Shard;
use super::step::Step;
use crate::kernel::{ActivityState, Command};
use crate::{Rejection, Selector};

impl Shard {
    /// Lets a paused run go on; a run that is not paused goes on as it does.
    pub(super) fn resume(&mut self, selector: &Selector, reply: Reply<()>) {
        let answer = self.try_resume(selector);
        self.turn.effects.push(Effect::Answer(reply, answer));
    }

    fn try_resume(&mut self, selector: &Selector) -> Result<(), Rejection> {
        let run_id = self.try_command(selector, Command::Resume)?;
        self.step(run_id, |step| step.start_what_is_due());
        // Its code may have failed before or during the pause.
        self.retry_task(&selector.namespace, run_id)
    }
}

impl Step<'_> {
    /// Starts the attempts that a pause has kept from starting.
    pub(super) fn start_what_is_due(&mut self) {
        let now = self.turn.now;
        let due = |state| match state {
            ActivityState::Scheduled => true,
            ActivityState::BackingOff(at) => at <= now,
            ActivityState::Started(_) | ActivityState::HandedOver(_) => false,
        };
        let activities = self.resident.run.activities.iter();
        let due: Vec<u32> = activities
            .filter_map(|(&activity_id, activity)| due(activity.state).then_some(activity_id))
            .collect();
        for activity_id in due {
            self.start_attempt(activity_id);
        }
    }
}
