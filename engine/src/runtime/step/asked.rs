//! What the code asks for, and the code that cannot go on.

use std::sync::Arc;

use super::Step;
use crate::WorkflowError;
use crate::kernel::{Command, TaskFailure, UpdateCompleted};
use crate::runtime::timers::Due;
use crate::sdk::Asked;

impl Step<'_> {
    /// Records what the code asked for and how it ended.
    pub(in crate::runtime) fn record_asked(&mut self) {
        while let Some(asked) = self.resident.task.as_ref().and_then(|task| task.next_asked()) {
            self.execute_asked(asked);
        }
        let ended = self.resident.task.as_mut().and_then(|task| task.take_ended());
        match ended {
            Some(Ok(result)) => {
                let end = self.fitting_end(result);
                self.execute_own(end);
            }
            Some(Err(WorkflowError::Failed(failure))) => {
                let failure = self.turn.limits.cut(failure);
                self.execute_own(Command::Fail { failure });
            }
            Some(Err(WorkflowError::Cancelled)) => self.execute_own(Command::Cancel),
            Some(Err(WorkflowError::ContinueAsNew(input))) => self.continue_as_new(input),
            None => {}
        }
    }

    pub(in crate::runtime) fn execute_asked(&mut self, asked: Asked) {
        match self.too_large(&asked) {
            None => self.execute_fitting(asked),
            Some(rejection) => self.refuse_asked(asked, &rejection),
        }
    }

    pub(in crate::runtime) fn execute_fitting(&mut self, asked: Asked) {
        match asked {
            Asked::ScheduleActivity {
                activity_id, activity_type, input, options, inline, ..
            } => {
                let transaction = options.as_ref().is_some_and(|options| options.transaction);
                self.execute_own(Command::ScheduleActivity {
                    activity_id,
                    activity_type,
                    input,
                    options,
                    inline,
                });
                match transaction {
                    true => self.queue_transaction(activity_id),
                    false => self.begin_attempt(activity_id),
                }
            }
            Asked::StartTimer { timer_id, fires_at, .. } => {
                self.execute_own(Command::StartTimer { timer_id, fires_at });
            }
            Asked::CancelActivity { activity_id } => {
                self.execute_own(Command::CancelActivity { activity_id });
                let activity = self.resident.run.activities.get(&activity_id);
                if activity.is_some_and(|activity| !activity.is_running()) {
                    self.idle_cancels.push_back(activity_id);
                }
            }
            Asked::CancelTimer { timer_id } => {
                self.execute_own(Command::CancelTimer { timer_id });
            }
            Asked::StartChild { child_id, start, .. } => {
                self.execute_own(Command::InitiateChild { child_id, start });
            }
            Asked::CancelChild { child_id } => {
                self.execute_own(Command::CancelChild { child_id });
            }
            Asked::AskExternal { request_id, request, .. } => {
                self.execute_own(Command::RequestExternal { request_id, request });
            }
            Asked::CompleteUpdate { update_id, outcome } => {
                let outcome = outcome.map_err(|failure| *failure);
                let update = Box::new(UpdateCompleted { update_id, outcome });
                self.execute_own(Command::CompleteUpdate(update));
            }
            Asked::MarkPatch { patch_id, deprecated, .. } => {
                self.execute_own(Command::MarkPatch { patch_id, deprecated });
            }
            Asked::UpsertSearchAttributes { attributes, .. } => {
                self.execute_own(Command::UpsertSearchAttributes { attributes });
            }
            Asked::UpsertMemo { memo, .. } => self.execute_own(Command::UpsertMemo { memo }),
        }
    }

    /// Starts the next attempt in the commit that makes it possible.
    pub(in crate::runtime) fn start_attempt(&mut self, activity_id: u32) {
        match self.is_transaction(activity_id) {
            true => self.queue_transaction(activity_id),
            false => self.begin_attempt(activity_id),
        }
    }

    pub(super) fn begin_attempt(&mut self, activity_id: u32) {
        if !self.turn.draining {
            self.start_or_offer(activity_id);
        }
    }

    /// The code cannot go on: say so, and try again later.
    pub(in crate::runtime) fn fail_task(&mut self, mut failure: Box<TaskFailure>) {
        let resident = &mut *self.resident;
        failure.event_id.get_or_insert(resident.run.history_length);
        let room = failure.message.floor_char_boundary(self.turn.limits.payload_bytes);
        failure.message.truncate(room);
        tracing::warn!(
            workflow_id = &*resident.workflow_id,
            run_id = %resident.run_id,
            message = failure.message,
            location = failure.location,
            "workflow task failed"
        );
        resident.task = None;
        self.turn.unseen.clear();
        // Doubling from 1 s up to 60 s.
        let pause_ms = (1_000_u64 << resident.task_tries.min(6)).min(60_000);
        resident.task_tries += 1;
        let (namespace, run_id) = (Arc::clone(&resident.namespace), resident.run_id);
        let due = Due::TaskRetry { namespace, run_id };
        self.timers.push(self.turn.now.plus_millis(pause_ms), due);
        self.counters.task_failures.add(1);
        self.execute_own(Command::FailTask(failure));
    }
}
