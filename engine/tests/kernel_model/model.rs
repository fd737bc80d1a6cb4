//! What a run is, as far as its documentation says.

use std::collections::{BTreeMap, BTreeSet};

use everstep_engine::kernel::{ExternalKind, Recorded, Run};
use everstep_engine::{HistoryEvent, RunStatus, Timestamp};

use crate::activities::Task;
use crate::moves::Move;
use crate::relations::Child;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    ended: Option<RunStatus>,
    /// The type of the failure that it ended with.
    failure: Option<String>,
    delayed: bool,
    pub(crate) paused: bool,
    cancel_requested: bool,
    stuck: Option<String>,
    stuck_from: Option<u64>,
    pub(crate) activities: BTreeMap<u32, Task>,
    timers: BTreeSet<u32>,
    pub(crate) children: BTreeMap<u32, Child>,
    pub(crate) requests: BTreeMap<u32, ExternalKind>,
    updates: BTreeSet<String>,
    patches: BTreeMap<String, bool>,
    length: u64,
}

impl Model {
    pub(crate) fn begin(first: &Recorded) -> Self {
        let HistoryEvent::WorkflowStarted(started) = &first.event else {
            panic!("{first:?} begins no run")
        };
        let carried = started.continued.iter().flat_map(|given| &given.carried.children);
        Self {
            delayed: started.start_delay_ms.is_some(),
            children: carried.map(|(id, child)| (*id, Child::of(child))).collect(),
            length: 1,
            ..Self::default()
        }
    }

    /// The names of the events that follow; none for a refusal.
    pub(crate) fn act(&mut self, action: &Move, now: Timestamp) -> Option<Vec<&'static str>> {
        if self.ended.is_some() {
            return if action.is_from_outside() { None } else { Some(Vec::new()) };
        }
        let stuck_before = self.stuck.is_some();
        let events = self.happen(action, now);
        self.length += events.len() as u64;
        if self.stuck.is_some() && !stuck_before {
            self.stuck_from = Some(self.length);
        }
        Some(events)
    }

    fn happen(&mut self, action: &Move, now: Timestamp) -> Vec<&'static str> {
        match action {
            // Code that has not run has nothing to clean up.
            Move::AskToCancel if self.delayed && !self.cancel_requested => {
                self.cancel_requested = true;
                self.end(RunStatus::Cancelled, None);
                vec!["workflow_cancel_requested", "workflow_cancelled"]
            }
            _ => self.one(action, now).into_iter().collect(),
        }
    }

    fn one(&mut self, action: &Move, now: Timestamp) -> Option<&'static str> {
        match *action {
            Move::ElapseDelay => std::mem::take(&mut self.delayed).then_some("start_delay_elapsed"),
            Move::Activity { id, ref act } => self.act_on_activity(id, act, now),
            Move::Child { id, ref act } => self.act_on_child(id, act),
            Move::Request { id, ref act } => self.act_on_request(id, act),
            Move::SetTimer { id } => {
                self.timers.insert(id);
                Some("timer_started")
            }
            Move::Ring { id } => self.timers.remove(&id).then_some("timer_fired"),
            Move::Unset { id } => self.timers.remove(&id).then_some("timer_cancelled"),
            Move::Signal => Some("signal_received"),
            Move::TakeUpdate { id } => {
                self.updates.insert(id.to_owned());
                Some("update_accepted")
            }
            Move::AnswerUpdate { id } => self.updates.remove(id).then_some("update_completed"),
            Move::AskToCancel => {
                let first = !std::mem::replace(&mut self.cancel_requested, true);
                first.then_some("workflow_cancel_requested")
            }
            Move::Return => self.close(RunStatus::Completed, None, "workflow_completed"),
            Move::Err => self.close(RunStatus::Failed, Some("x"), "workflow_failed"),
            Move::EndCancelled => self.close(RunStatus::Cancelled, None, "workflow_cancelled"),
            Move::Continue => {
                self.close(RunStatus::ContinuedAsNew, None, "workflow_continued_as_new")
            }
            Move::Terminate => {
                self.close(RunStatus::Terminated, Some("terminated"), "workflow_terminated")
            }
            Move::Expire => self.close(RunStatus::TimedOut, Some("timeout"), "workflow_timed_out"),
            Move::Trip { why } => {
                let news = self.stuck.as_deref() != Some(why);
                self.stuck = Some(why.to_owned());
                news.then_some("workflow_task_failed")
            }
            Move::Recover => {
                self.stuck_from = None;
                self.stuck.take().map(|_| "workflow_task_recovered")
            }
            Move::Pause => {
                (!std::mem::replace(&mut self.paused, true)).then_some("workflow_paused")
            }
            Move::Resume => std::mem::take(&mut self.paused).then_some("workflow_resumed"),
            Move::Patch { id, deprecated } => {
                if self.patches.contains_key(id) {
                    return None;
                }
                self.patches.insert(id.to_owned(), deprecated);
                Some("patch_marked")
            }
        }
    }

    fn close(
        &mut self,
        status: RunStatus,
        failure: Option<&str>,
        event: &'static str,
    ) -> Option<&'static str> {
        self.end(status, failure);
        Some(event)
    }

    /// Nothing is left of what was under way; what it was told and which ways it took stay known.
    fn end(&mut self, status: RunStatus, failure: Option<&str>) {
        *self = Self {
            ended: Some(status),
            failure: failure.map(str::to_owned),
            cancel_requested: self.cancel_requested,
            patches: std::mem::take(&mut self.patches),
            length: self.length,
            ..Self::default()
        };
    }

    /// The children that go along when it continues as new now.
    pub(crate) fn carried(&self) -> BTreeMap<u32, Child> {
        let mut children = self.children.clone();
        children.retain(|_, child| !child.detached);
        children
    }

    /// Whether a crash of the process would have to be noticed.
    pub(crate) fn is_active(&self) -> bool {
        (self.stuck.is_some() && !self.paused) || self.activities.values().any(Task::is_active)
    }

    /// How many things will make it go on by themselves.
    pub(crate) fn wakers(&self) -> usize {
        usize::from(self.delayed)
            + usize::from(self.stuck.is_some())
            + self.activities.len()
            + self.timers.len()
            + self.children.len()
            + self.requests.len()
    }

    /// The same of the kernel's state.
    pub(crate) fn of(run: &Run) -> Self {
        let failure = run.failure.as_ref().map(|failure| failure.kind.to_string());
        Self {
            ended: run.status.is_closed().then_some(run.status),
            failure,
            delayed: run.delayed_until.is_some(),
            paused: run.status == RunStatus::Paused,
            cancel_requested: run.cancel_requested,
            stuck: run.task_failure.as_ref().map(|failure| failure.message.clone()),
            stuck_from: run.stuck_from,
            activities: run.activities.iter().map(|(&id, one)| (id, Task::of(one))).collect(),
            timers: run.timers.keys().copied().collect(),
            children: run.children.iter().map(|(&id, one)| (id, Child::of(one))).collect(),
            requests: run.requests.iter().map(|(&id, one)| (id, one.kind)).collect(),
            updates: run.updates.keys().map(ToString::to_string).collect(),
            patches: run.patches.iter().map(|(id, flag)| (id.to_string(), *flag)).collect(),
            length: run.history_length,
        }
    }
}
