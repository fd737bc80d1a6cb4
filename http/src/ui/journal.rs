//! A run's history as a person tells it: one group for each activity, timer, signal and update, attempts
//! folded.
//!
//! Invariants: a group's key is the number of its first event, so keys grow and never change; a
//! journal is the fold of all events up to `seen`, whatever pages they came in.

use std::collections::HashMap;
use std::sync::Arc;

use everstep_engine::kernel::WorkflowStarted;
use everstep_engine::{EventView, HistoryEvent, Payload, Timestamp};

use super::icons::Icon;
use super::payload;
use super::tone::Tone;

/// What a group is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The run itself: its start, and on the timeline its whole life.
    Run,
    Activity,
    /// A step whose code stands in the workflow.
    Step,
    /// A function over the application's rows that committed with its result.
    Transaction,
    Timer,
    Signal,
    /// Asked of the code, and answered by it.
    Update,
    /// Another workflow that this one started.
    Child,
    /// Something asked of another workflow.
    Request,
    /// The code could not go on.
    Task,
    /// Something that happened to the run, such as its end.
    Mark,
}

/// One attempt of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
    pub(super) failed: bool,
}

/// Events that belong together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The number of its first event.
    pub(super) key: u64,
    pub(super) subject: Subject,
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// When its timer fires or its next attempt starts.
    pub(super) due: Option<Timestamp>,
    pub(super) tries: Vec<Try>,
    /// What came out of it, on one line.
    pub(super) preview: String,
    /// The numbers of all its events.
    pub(super) events: Vec<u64>,
    /// The other workflow that it is about.
    pub(super) other: Option<Box<str>>,
}

/// The fold.
#[derive(Debug, Default)]
pub(super) struct Journal {
    groups: Vec<Group>,
    seen: u64,
    closed_at: Option<Timestamp>,
    /// Activities that have not ended, by number.
    activities: HashMap<u32, usize>,
    /// Every activity, by number.
    scheduled: HashMap<u32, usize>,
    /// Activities of which an attempt may still report, too late.
    late: HashMap<u32, usize>,
    timers: HashMap<u32, usize>,
    updates: HashMap<Arc<str>, usize>,
    task: Option<usize>,
    pause: Option<usize>,
}

const PREVIEW_CHARS: usize = 120;

impl Subject {
    /// The name that scripts know.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Activity => "activity",
            Self::Step => "step",
            Self::Transaction => "transaction",
            Self::Timer => "timer",
            Self::Signal => "signal",
            Self::Update => "update",
            Self::Child => "child",
            Self::Request => "request",
            Self::Task => "task",
            Self::Mark => "mark",
        }
    }

    pub(super) const fn icon(self) -> Icon {
        match self {
            Self::Run | Self::Task | Self::Mark => Icon::Run,
            Self::Activity => Icon::Activity,
            Self::Step => Icon::Step,
            Self::Transaction => Icon::Transaction,
            Self::Timer => Icon::Timer,
            Self::Signal => Icon::Signal,
            Self::Update => Icon::Update,
            Self::Child => Icon::Workflows,
            Self::Request => Icon::Request,
        }
    }
}

impl Group {
    /// Whether it went wrong, for now or for good.
    pub(super) const fn is_failure(&self) -> bool {
        matches!(self.tone, Tone::Failed | Tone::Retrying | Tone::Stuck | Tone::TimedOut)
    }

    /// The number of its last event.
    pub(super) fn last_event(&self) -> u64 {
        self.events.last().copied().unwrap_or(self.key)
    }

    fn end(&mut self, tone: Tone, at: Timestamp) {
        (self.tone, self.ended, self.due) = (tone, Some(at), None);
        if let Some(last) = self.tries.last_mut().filter(|last| last.to.is_none()) {
            last.to = Some(at);
        }
    }
}

impl Journal {
    /// All groups, oldest first.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The number of the last event that it has taken in.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// When the run closed.
    pub(super) const fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// The group of an activity, by its number.
    pub(super) fn group_of_activity(&self, id: u32) -> Option<&Group> {
        self.groups.get(*self.scheduled.get(&id)?)
    }

    /// The group that an event belongs to.
    pub(super) fn group_of(&self, event: u64) -> Option<&Group> {
        let after = self.groups.partition_point(|group| group.key <= event);
        self.groups[..after].iter().rev().find(|group| group.events.binary_search(&event).is_ok())
    }

    /// Takes in the next event; one that was taken in before is passed over.
    pub(super) fn take(&mut self, view: &EventView) {
        if view.event_id <= self.seen {
            return;
        }
        self.seen = view.event_id;
        let at = view.recorded.at;
        match &view.recorded.event {
            HistoryEvent::WorkflowStarted(started) => self.start(started, at),
            HistoryEvent::StartDelayElapsed => {
                self.mark("Start delay over", Tone::Completed, at, "");
            }
            HistoryEvent::ActivityScheduled {
                activity_id,
                activity_type,
                input,
                options,
                inline,
            } => {
                let transaction = options.as_ref().is_some_and(|options| options.transaction);
                let subject = match (*inline, transaction) {
                    (true, _) => Subject::Step,
                    (false, true) => Subject::Transaction,
                    (false, false) => Subject::Activity,
                };
                let preview = preview(input);
                self.open(subject, activity_type, Tone::Running, at, preview);
                self.activities.insert(*activity_id, self.groups.len() - 1);
                self.scheduled.insert(*activity_id, self.groups.len() - 1);
            }
            HistoryEvent::ActivityStarted { activity_id, .. } => {
                self.activity(*activity_id, |group| {
                    group.due = None;
                    group.tone =
                        if group.tries.is_empty() { Tone::Running } else { Tone::Retrying };
                    group.tries.push(Try { from: at, to: None, failed: false });
                });
            }
            HistoryEvent::ActivityCompleted { activity_id, result } => {
                let preview = payload::preview(result, PREVIEW_CHARS);
                self.activity(*activity_id, |group| {
                    group.end(Tone::Completed, at);
                    group.preview = preview;
                });
                self.activities.remove(activity_id);
            }
            HistoryEvent::ActivityFailed { activity_id, failure, retry_at, .. } => {
                let text = format!("{}: {}", failure.kind, failure.message);
                let preview = payload::one_line(&text, PREVIEW_CHARS);
                self.activity(*activity_id, |group| {
                    if let Some(last) = group.tries.last_mut() {
                        (last.to, last.failed) = (Some(at), true);
                    }
                    group.preview = preview;
                    match retry_at {
                        None if failure.timeout.is_some() => group.end(Tone::TimedOut, at),
                        Some(next) => (group.tone, group.due) = (Tone::Retrying, Some(*next)),
                        None => group.end(Tone::Failed, at),
                    }
                });
                if failure.timeout.is_some()
                    && let Some(index) = self.activities.get(activity_id)
                {
                    self.late.insert(*activity_id, *index);
                }
                if retry_at.is_none() {
                    self.activities.remove(activity_id);
                }
            }
            HistoryEvent::ActivityHandedOver { activity_id, .. } => {
                self.activity(*activity_id, |group| {
                    group.tone = Tone::Waiting;
                    group.preview = "to be completed from outside".into();
                });
            }
            HistoryEvent::ActivityResultLate { activity_id, attempt, outcome } => {
                let came = match outcome {
                    Ok(result) => payload::preview(result, PREVIEW_CHARS),
                    Err(failure) => payload::one_line(&failure.kind, PREVIEW_CHARS),
                };
                let late = format!("attempt {attempt} came late: {came}");
                match self.late.get(activity_id).copied() {
                    Some(index) => self.touch(index, |group| {
                        let known = std::mem::take(&mut group.preview);
                        group.preview =
                            if known.is_empty() { late } else { format!("{known} · {late}") };
                    }),
                    None => self.mark(&format!("Late: {late}"), Tone::TimedOut, at, ""),
                }
            }
            HistoryEvent::ActivityCancelRequested { activity_id } => {
                self.activity(*activity_id, |group| group.preview = "cancel requested".into());
            }
            HistoryEvent::ActivityCancelled { activity_id, abandoned } => {
                self.activity(*activity_id, |group| {
                    group.end(Tone::Cancelled, at);
                    if *abandoned {
                        group.preview = "did not end in its grace and was given up".into();
                    }
                });
                if *abandoned && let Some(index) = self.activities.get(activity_id) {
                    self.late.insert(*activity_id, *index);
                }
                self.activities.remove(activity_id);
            }
            HistoryEvent::TimerStarted { timer_id, fires_at } => {
                let length = super::times::duration(fires_at.millis_since(at));
                self.open(
                    Subject::Timer,
                    &format!("timer {length}"),
                    Tone::Waiting,
                    at,
                    String::new(),
                );
                self.timers.insert(*timer_id, self.groups.len() - 1);
                if let Some(group) = self.groups.last_mut() {
                    group.due = Some(*fires_at);
                }
            }
            HistoryEvent::TimerFired { timer_id } => self.timer(*timer_id, Tone::Completed, at),
            HistoryEvent::TimerCancelled { timer_id } => self.timer(*timer_id, Tone::Cancelled, at),
            HistoryEvent::SignalReceived { name, payload } => {
                let preview = preview(payload);
                self.open(Subject::Signal, name, Tone::Completed, at, preview);
                self.finish(at);
            }
            HistoryEvent::UpdateAccepted(update) => {
                let preview = preview(&update.payload);
                self.open(Subject::Update, &update.name, Tone::Running, at, preview);
                self.updates.insert(Arc::clone(&update.update_id), self.groups.len() - 1);
            }
            HistoryEvent::UpdateCompleted(update) => {
                let (tone, preview) = match &update.outcome {
                    Ok(result) => (Tone::Completed, payload::preview(result, PREVIEW_CHARS)),
                    Err(failure) => {
                        let text = format!("{}: {}", failure.kind, failure.message);
                        (Tone::Failed, payload::one_line(&text, PREVIEW_CHARS))
                    }
                };
                if let Some(index) = self.updates.remove(&update.update_id) {
                    self.touch(index, |group| {
                        group.end(tone, at);
                        group.preview = preview;
                    });
                }
            }
            HistoryEvent::WorkflowTaskFailed(failure) => {
                let preview = payload::one_line(&failure.message, PREVIEW_CHARS);
                match self.task {
                    Some(index) => self.touch(index, |group| group.preview = preview),
                    None => {
                        self.open(Subject::Task, "workflow code", Tone::Stuck, at, preview);
                        self.task = Some(self.groups.len() - 1);
                    }
                }
            }
            HistoryEvent::WorkflowTaskRecovered => {
                if let Some(index) = self.task.take() {
                    self.touch(index, |group| group.end(Tone::Failed, at));
                }
            }
            HistoryEvent::PatchMarked { patch_id, deprecated } => {
                let name = format!("Patch {patch_id}");
                let preview = if *deprecated { "deprecated" } else { "takes the new way" };
                self.mark(&name, Tone::Completed, at, preview);
            }
            HistoryEvent::WorkflowCancelRequested => {
                self.mark("Cancellation requested", Tone::Cancelled, at, "");
            }
            HistoryEvent::WorkflowCompleted { result } => {
                let preview = payload::preview(result, PREVIEW_CHARS);
                self.close("Workflow completed", Tone::Completed, at, &preview);
            }
            HistoryEvent::WorkflowFailed { failure } => {
                let text = format!("{}: {}", failure.kind, failure.message);
                let preview = payload::one_line(&text, PREVIEW_CHARS);
                self.close("Workflow failed", Tone::Failed, at, &preview);
            }
            HistoryEvent::WorkflowCancelled => {
                self.close("Workflow cancelled", Tone::Cancelled, at, "");
            }
            HistoryEvent::WorkflowTerminated { reason } => {
                let preview = payload::one_line(reason, PREVIEW_CHARS);
                self.close("Workflow terminated", Tone::Terminated, at, &preview);
            }
            HistoryEvent::WorkflowTimedOut => {
                self.close("Workflow timed out", Tone::TimedOut, at, "");
            }
            HistoryEvent::WorkflowReset { to_event_id, reason, .. } => {
                let name = format!("Reset to event {to_event_id}");
                self.mark(&name, Tone::Continued, at, &payload::one_line(reason, PREVIEW_CHARS));
            }
            HistoryEvent::WorkflowPaused { reason } => {
                let preview = payload::one_line(reason, PREVIEW_CHARS);
                self.open(Subject::Mark, "Paused", Tone::Paused, at, preview);
                self.pause = Some(self.groups.len() - 1);
            }
            HistoryEvent::WorkflowResumed => {
                if let Some(index) = self.pause.take() {
                    self.touch(index, |group| group.end(Tone::Paused, at));
                }
            }
            HistoryEvent::WorkflowContinuedAsNew { input, .. } => {
                let preview = preview(input);
                self.close("Continued as new", Tone::Continued, at, &preview);
            }
            event if self.take_relation(event, at) => {}
            other => self.mark(&other.name().replace('_', " "), Tone::Completed, at, ""),
        }
    }

    fn start(&mut self, started: &WorkflowStarted, at: Timestamp) {
        let preview = preview(&started.input);
        self.open(Subject::Run, &started.workflow_type, Tone::Running, at, preview);
    }

    fn open(&mut self, subject: Subject, name: &str, tone: Tone, at: Timestamp, preview: String) {
        self.groups.push(Group {
            key: self.seen,
            subject,
            name: name.into(),
            tone,
            started: at,
            ended: None,
            due: None,
            tries: Vec::new(),
            preview,
            events: vec![self.seen],
            other: None,
        });
    }

    fn finish(&mut self, at: Timestamp) {
        if let Some(group) = self.groups.last_mut() {
            group.ended = Some(at);
        }
    }

    fn mark(&mut self, name: &str, tone: Tone, at: Timestamp, preview: &str) {
        self.open(Subject::Mark, name, tone, at, preview.into());
        self.finish(at);
    }

    fn touch(&mut self, index: usize, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.groups.get_mut(index) {
            group.events.push(self.seen);
            change(group);
        }
    }

    fn activity(&mut self, id: u32, change: impl FnOnce(&mut Group)) {
        if let Some(&index) = self.activities.get(&id) {
            self.touch(index, change);
        }
    }

    fn timer(&mut self, id: u32, tone: Tone, at: Timestamp) {
        if let Some(index) = self.timers.remove(&id) {
            self.touch(index, |group| group.end(tone, at));
        }
    }

    /// The run's end is also the end of all that was still open.
    fn close(&mut self, name: &str, tone: Tone, at: Timestamp, preview: &str) {
        let open: Vec<usize> =
            self.activities.drain().chain(self.timers.drain()).map(|(_, index)| index).collect();
        let unanswered: Vec<usize> = self.updates.drain().map(|(_, index)| index).collect();
        let open = open.into_iter().chain(unanswered);
        for index in open {
            self.touch(index, |group| group.end(Tone::Cancelled, at));
        }
        if let Some(index) = self.task.take() {
            self.touch(index, |group| group.end(Tone::Failed, at));
        }
        self.touch(0, |group| group.end(tone, at));
        self.closed_at = Some(at);
        self.mark(name, tone, at, preview);
    }
}

/// What a payload says, on one line; nothing for nothing.
fn preview(payload: &Payload) -> String {
    if payload.is_null() { String::new() } else { payload::preview(payload, PREVIEW_CHARS) }
}

mod relations;
#[cfg(test)]
mod tests;
