//! A run's state: the fold of its history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    ActivityOptions, PendingChild, PendingRequest, RunStatus, TaskFailure, WorkflowStarted,
};
use crate::{Failure, Payload, RunId, Timestamp};

/// What is known of a run from its history alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it began.
    pub started: Arc<WorkflowStarted>,
    /// When it began.
    pub started_at: Timestamp,
    /// Where it stands.
    pub status: RunStatus,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
    /// What it returned.
    pub result: Option<Payload>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Number of events so far; the next one's id is one more.
    pub history_length: u64,
    /// When the code may first run, while it may not.
    pub delayed_until: Option<Timestamp>,
    /// Activities that have not ended, by id.
    pub activities: BTreeMap<u32, Box<PendingActivity>>,
    /// Timers that have not fired, by id.
    pub timers: BTreeMap<u32, PendingTimer>,
    /// The run that it has continued as.
    pub continued_to: Option<RunId>,
    /// Starts that were not answered and children that have not closed, by id.
    pub children: BTreeMap<u32, Box<PendingChild>>,
    /// Requests to other runs that were not answered, by id.
    pub requests: BTreeMap<u32, Box<PendingRequest>>,
    /// Updates that the code has taken and not answered, by update id.
    pub updates: BTreeMap<Arc<str>, PendingUpdate>,
    /// Whether cancellation was asked for.
    pub cancel_requested: bool,
    /// Whether what the history says now is about another run, from which it was copied.
    pub is_copying: bool,
    /// Why its code cannot go on.
    pub task_failure: Option<Box<TaskFailure>>,
    /// The event since which it cannot: the first failure of its task since the code last ran.
    pub stuck_from: Option<u64>,
    /// The patches that its code has taken, by id, and whether their markers are deprecated.
    pub patches: BTreeMap<Arc<str>, bool>,
    /// What it is found by beyond its start; most runs need none.
    pub tags: Option<Box<RunTags>>,
}

/// What a run is found by beyond what it was started with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunTags {
    /// The search attributes as they are now, if its code has changed them.
    pub search_attributes: Option<BTreeMap<String, Payload>>,
    /// The memo as it is now, if its code has changed it.
    pub memo: Option<Payload>,
    /// The task queues that its activities went through.
    pub queues: BTreeSet<Arc<str>>,
}

/// An activity that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingActivity {
    /// The registered type, or the inline step's name.
    pub activity_type: Arc<str>,
    /// What it is called with.
    pub input: Payload,
    /// Where it differs from the defaults.
    pub options: Option<Box<ActivityOptions>>,
    /// A step whose code stands in the workflow itself.
    pub inline: bool,
    /// When the code asked for it.
    pub scheduled_at: Timestamp,
    /// The attempt that runs, or the last that ran; 0 before the first.
    pub attempt: u32,
    /// What happens with it now.
    pub state: ActivityState,
    /// Since when the code no longer wants it.
    pub cancel_requested_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_failure: Option<Failure>,
}

/// A timer that has not fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingTimer {
    /// When the code asked for it.
    pub started_at: Timestamp,
    /// When it fires.
    pub fires_at: Timestamp,
}

/// An update that the code has taken and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingUpdate {
    /// Its name.
    pub name: Arc<str>,
    /// Its argument.
    pub payload: Payload,
    /// When the code took it.
    pub accepted_at: Timestamp,
}

/// What happens with an activity now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityState {
    /// Asked for; its first attempt is recorded in the same commit.
    Scheduled,
    /// An attempt runs in the server's process, since this instant.
    Started(Timestamp),
    /// An attempt that began at this instant goes on outside, until its outcome is reported.
    HandedOver(Timestamp),
    /// The next attempt starts at this instant.
    BackingOff(Timestamp),
}

/// What will make an open run go on: every open run has at least one, or waits for a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waker {
    /// The end of the start delay.
    StartDelay(Timestamp),
    /// An attempt that runs.
    Activity(u32),
    /// An outcome that is reported from outside.
    Report(u32),
    /// The pause before an attempt.
    Retry(u32, Timestamp),
    /// A timer.
    Timer(u32, Timestamp),
    /// Another try of code that failed.
    Task,
    /// A child's start or its end.
    Child(u32),
    /// Another run's answer to a request.
    Request(u32),
}

impl PendingActivity {
    /// The options that hold: its own or the defaults.
    pub fn options(&self) -> &ActivityOptions {
        const DEFAULT: &ActivityOptions = &ActivityOptions::DEFAULT;
        self.options.as_deref().unwrap_or(DEFAULT)
    }

    /// Whether an attempt runs, here or outside.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, ActivityState::Started(_) | ActivityState::HandedOver(_))
    }
}

impl Run {
    /// What the history alone says will wake the run. Signals that the code awaits are not in the
    /// history; see the `awaiting` table.
    pub fn wakers(&self) -> Vec<Waker> {
        let delay = self.delayed_until.map(Waker::StartDelay);
        let task = self.task_failure.as_ref().map(|_| Waker::Task);
        let activities = self.activities.iter().map(|(&id, activity)| match activity.state {
            ActivityState::BackingOff(at) => Waker::Retry(id, at),
            ActivityState::Scheduled | ActivityState::Started(_) => Waker::Activity(id),
            ActivityState::HandedOver(_) => Waker::Report(id),
        });
        let timers = self.timers.iter().map(|(&id, timer)| Waker::Timer(id, timer.fires_at));
        let children = self.children.keys().map(|&id| Waker::Child(id));
        let requests = self.requests.keys().map(|&id| Waker::Request(id));
        let own = delay.into_iter().chain(task).chain(activities).chain(timers);
        own.chain(children).chain(requests).collect()
    }

    /// Whether the code no longer wants a pending activity.
    pub fn has_withdrawn(&self, activity_id: u32) -> bool {
        self.activities
            .get(&activity_id)
            .is_some_and(|activity| activity.cancel_requested_at.is_some())
    }

    /// The activity, if it is this attempt of it that runs, here or outside.
    pub fn running_attempt(&self, activity_id: u32, attempt: u32) -> Option<&PendingActivity> {
        let activity = self.activities.get(&activity_id)?;
        (activity.is_running() && activity.attempt == attempt).then_some(&**activity)
    }

    /// When the run is timed out, if ever, and by which timeout: `run` or `execution`. The time
    /// of a run begins when its code may first run.
    pub fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        let begins_at = self.started_at.plus_millis(self.started.start_delay_ms.unwrap_or(0));
        let run = self.started.run_timeout_ms.map(|ms| (begins_at.plus_millis(ms), "run"));
        let execution = self.started.execution_deadline.map(|at| (at, "execution"));
        execution.into_iter().chain(run).min_by_key(|(at, _)| *at)
    }

    /// Whether something in this process works for the run, so that a crash would have to be
    /// noticed: an attempt that runs, or code that is to be tried again.
    pub fn is_active(&self) -> bool {
        !self.status.is_closed()
            && ((self.task_failure.is_some() && self.status != RunStatus::Paused)
                || self.activities.values().any(|activity| {
                    matches!(activity.state, ActivityState::Scheduled | ActivityState::Started(_))
                }))
    }
}
