//! Activities, as the guide tells of them.

use everstep_engine::Timestamp;
use everstep_engine::kernel::{ActivityState, ActivityTimeout, PendingActivity};

use crate::model::Model;
use crate::moves::ActivityMove;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Task {
    attempt: u32,
    phase: Phase,
    withdrawn: bool,
    most: Option<u32>,
    /// After that instant no attempt begins.
    closes_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    Asked,
    Running,
    Outside,
    Pausing(Timestamp),
}

impl Task {
    fn runs(&self, attempt: u32) -> bool {
        matches!(self.phase, Phase::Running | Phase::Outside) && self.attempt == attempt
    }

    /// Whether a process works for it.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Asked | Phase::Running)
    }

    /// When the next attempt begins after one that failed now: a second later, twice as long each
    /// time up to a minute; at once after the first three that were lost.
    fn again_at(&self, kind: &str, now: Timestamp) -> Timestamp {
        let pause_ms = match self.attempt {
            0..=3 if kind == "lost" => 0,
            attempt => (1_000_u64 << attempt.saturating_sub(1).min(20)).min(60_000),
        };
        now.plus_millis(pause_ms)
    }

    pub(crate) fn of(activity: &PendingActivity) -> Self {
        let phase = match activity.state {
            ActivityState::Scheduled => Phase::Asked,
            ActivityState::Started(_) => Phase::Running,
            ActivityState::BackingOff(at) => Phase::Pausing(at),
            ActivityState::HandedOver(_) => Phase::Outside,
        };
        let options = activity.options();
        Self {
            attempt: activity.attempt,
            phase,
            withdrawn: activity.cancel_requested_at.is_some(),
            most: options.retry.max_attempts,
            closes_at: options.schedule_to_close_ms.map(|ms| activity.scheduled_at.plus_millis(ms)),
        }
    }
}

impl Model {
    pub(crate) fn act_on_activity(
        &mut self,
        id: u32,
        act: &ActivityMove,
        now: Timestamp,
    ) -> Option<&'static str> {
        if let ActivityMove::Schedule { most, closes_in } = *act {
            let closes_at = closes_in.map(|ms| now.plus_millis(ms));
            let phase = Phase::Asked;
            let task = Task { attempt: 0, phase, withdrawn: false, most, closes_at };
            self.activities.insert(id, task);
            return Some("activity_scheduled");
        }
        let paused = self.paused;
        let task = self.activities.get_mut(&id);
        match *act {
            ActivityMove::Schedule { .. } => None,
            ActivityMove::Begin => {
                let task = task.filter(|task| !task.withdrawn && !task.runs(task.attempt))?;
                if paused {
                    return None;
                }
                task.attempt += 1;
                task.phase = Phase::Running;
                Some("activity_started")
            }
            ActivityMove::Succeed { attempt } => {
                if !task.is_some_and(|task| task.runs(attempt)) {
                    return Some("activity_result_late");
                }
                self.activities.remove(&id);
                Some("activity_completed")
            }
            ActivityMove::Fail { attempt, kind, for_good } => {
                if !task.is_some_and(|task| task.runs(attempt)) {
                    return Some("activity_result_late");
                }
                self.fail(id, kind, for_good, now)
            }
            ActivityMove::TimeOut { timeout } => {
                let for_good = matches!(
                    timeout,
                    ActivityTimeout::ScheduleToClose | ActivityTimeout::ScheduleToStart
                );
                self.fail(id, "timeout", for_good, now)
            }
            ActivityMove::HandOver { attempt } => {
                let task =
                    task.filter(|task| task.phase == Phase::Running && task.attempt == attempt)?;
                task.phase = Phase::Outside;
                Some("activity_handed_over")
            }
            ActivityMove::Withdraw => {
                let task = task.filter(|task| !task.withdrawn)?;
                task.withdrawn = true;
                Some("activity_cancel_requested")
            }
            ActivityMove::Acknowledge | ActivityMove::Abandon => {
                task.filter(|task| task.withdrawn)?;
                self.activities.remove(&id);
                Some("activity_cancelled")
            }
        }
    }

    fn fail(
        &mut self,
        id: u32,
        kind: &str,
        for_good: bool,
        now: Timestamp,
    ) -> Option<&'static str> {
        let task = self.activities.get_mut(&id)?;
        let again_at = task.again_at(kind, now);
        let last = for_good
            || kind == "fatal"
            || task.withdrawn
            || task.most.is_some_and(|most| task.attempt >= most)
            || task.closes_at.is_some_and(|closes_at| again_at >= closes_at);
        match last {
            true => drop(self.activities.remove(&id)),
            false => task.phase = Phase::Pausing(again_at),
        }
        Some("activity_failed")
    }
}
