//! Timer rows, kept in step with what the run waits for: timers, pauses before attempts, deadlines.

use super::Step;
use crate::Timestamp;
use crate::kernel::{ActivityState, HistoryEvent};
use crate::runtime::effect::Effect;
use crate::runtime::keys::{self, TimerKey};

impl Step<'_> {
    /// Keeps the timer rows in step with an event that is about to be applied.
    pub(super) fn timer_rows(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::TimerStarted { timer_id, fires_at } => {
                self.put_timer(*timer_id, *fires_at);
            }
            HistoryEvent::ActivityFailed { activity_id, retry_at: Some(at), .. } => {
                self.put_timer(*activity_id, *at);
            }
            HistoryEvent::TimerFired { timer_id } | HistoryEvent::TimerCancelled { timer_id } => {
                if let Some(timer) = self.resident.run.timers.get(timer_id) {
                    self.delete_timer(*timer_id, timer.fires_at);
                }
            }
            HistoryEvent::ActivityStarted { activity_id, .. }
            | HistoryEvent::ActivityFailed { activity_id, retry_at: None, .. }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => {
                let activity = self.resident.run.activities.get(activity_id);
                if let Some(ActivityState::BackingOff(at)) = activity.map(|activity| activity.state)
                {
                    self.delete_timer(*activity_id, at);
                }
            }
            HistoryEvent::StartDelayElapsed => {
                if let Some(at) = self.resident.run.delayed_until {
                    self.delete_timer(keys::START_DELAY_ID, at);
                }
            }
            HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowFailed { .. }
            | HistoryEvent::WorkflowCancelled
            | HistoryEvent::WorkflowTerminated { .. }
            | HistoryEvent::WorkflowTimedOut => {
                self.withdraw_everything();
                self.release_children();
            }
            HistoryEvent::WorkflowContinuedAsNew { .. } => self.withdraw_everything(),
            _ => {}
        }
    }

    /// The run closes: nothing of it is to fire or run any more.
    pub(super) fn withdraw_everything(&mut self) {
        let run = &self.resident.run;
        let run_id = self.resident.run_id;
        let mut rows: Vec<(u32, Timestamp)> =
            run.timers.iter().map(|(&id, timer)| (id, timer.fires_at)).collect();
        rows.extend(run.delayed_until.map(|at| (keys::START_DELAY_ID, at)));
        rows.extend(run.deadline().map(|(at, _)| (keys::EXECUTION_TIMEOUT_ID, at)));
        if self.resident.has_queued {
            self.turn.unqueued.extend(run.activities.keys().map(|&id| (run_id, id)));
        }
        for (&activity_id, activity) in &run.activities {
            if let Some(at) = self.durable_deadline(activity_id) {
                rows.push((activity_id | keys::DEADLINE_BIT, at));
            }
            match activity.state {
                ActivityState::BackingOff(at) => rows.push((activity_id, at)),
                ActivityState::Started(_) => {
                    self.turn.effects.push(Effect::CancelAttempt { run_id, activity_id });
                }
                ActivityState::Scheduled | ActivityState::HandedOver(_) => {}
            }
        }
        for (id, at) in rows {
            self.delete_timer(id, at);
        }
        while let Some(activity_id) = self.resident.heartbeats.keys().next().copied() {
            self.drop_heartbeat(activity_id);
        }
    }

    /// When an activity's durable deadline is, if it has one.
    pub(in crate::runtime) fn durable_deadline(&self, activity_id: u32) -> Option<Timestamp> {
        if !self.resident.has_deadlines {
            return None;
        }
        let activity = self.resident.run.activities.get(&activity_id)?;
        let heartbeat = self.resident.heartbeats.get(&activity_id);
        activity.durable_deadline(heartbeat.map(|beat| beat.at)).map(|(at, _)| at)
    }

    /// The activity whose durable deadline the event may move, and where it is before that.
    pub(super) fn deadline_before(
        &mut self,
        event: &HistoryEvent,
    ) -> Option<(u32, Option<Timestamp>)> {
        let id = match event {
            HistoryEvent::ActivityScheduled { activity_id, options: Some(options), .. }
                if options.schedule_to_close_ms.or(options.schedule_to_start_ms).is_some() =>
            {
                self.resident.has_deadlines = true;
                *activity_id
            }
            HistoryEvent::ActivityHandedOver { activity_id, .. } => {
                self.resident.has_deadlines = true;
                *activity_id
            }
            _ if !self.resident.has_deadlines => return None,
            HistoryEvent::ActivityStarted { activity_id, .. }
            | HistoryEvent::ActivityCompleted { activity_id, .. }
            | HistoryEvent::ActivityFailed { activity_id, .. }
            | HistoryEvent::ActivityCancelRequested { activity_id }
            | HistoryEvent::ActivityCancelled { activity_id, .. } => *activity_id,
            _ => return None,
        };
        Some((id, self.durable_deadline(id)))
    }

    /// Moves the timer of an activity's durable deadline from where it was to where it is.
    pub(in crate::runtime) fn move_deadline(
        &mut self,
        activity_id: u32,
        before: Option<Timestamp>,
    ) {
        let after = self.durable_deadline(activity_id);
        if before == after {
            return;
        }
        let id = activity_id | keys::DEADLINE_BIT;
        if let Some(at) = before {
            self.delete_timer(id, at);
        }
        if let Some(at) = after {
            self.put_timer(id, at);
        }
    }

    pub(in crate::runtime) fn put_timer(&mut self, id: u32, due: Timestamp) {
        let timer = TimerKey { due, run_id: self.resident.run_id, id };
        let key = keys::timer(self.resident.shard, &self.resident.namespace, &timer);
        self.turn.batch.put(keys::TIMERS, &key, b"");
        self.timers.row_written(&self.resident.namespace, &timer, self.turn.number);
    }

    pub(super) fn delete_timer(&mut self, id: u32, due: Timestamp) {
        let timer = TimerKey { due, run_id: self.resident.run_id, id };
        let key = keys::timer(self.resident.shard, &self.resident.namespace, &timer);
        self.turn.batch.delete(keys::TIMERS, &key);
        self.timers.row_deleted(&self.resident.namespace, &timer);
    }
}
