//! Brings code to where its history ends, event by event, and finds where the two part.
//!
//! Commands of the code and recorded events are matched in order. In a part of the history that
//! was recorded while the code could not run (after `workflow_task_failed`), what the code asks
//! for may come later than the event that made it ask; everywhere else it must come next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::step::concerns_code;
use super::task::Task;
use crate::kernel::{
    ChildStart, ExternalAsk, ExternalRequest, HistoryEvent, Recorded, Run, RunStatus, TaskFailure,
    TaskFailureKind, WorkflowStarted, apply,
};
use crate::limits::TOO_LARGE;
use crate::sdk::{Asked, Foresight, WorkflowEntry};
use crate::{Payload, RunId, Timestamp, WorkflowError, telemetry};

/// A replay in progress: feed it events with [`Replay::next`].
pub(super) struct Replay {
    pub(super) run: Run,
    pub(super) task: Option<Task>,
    pub(super) failure: Option<Box<TaskFailure>>,
    /// Asked by the code and not yet found in the history.
    pub(super) outstanding: VecDeque<Asked>,
    /// Recorded while the run was paused: shown to the code, one by one, after it was resumed.
    pub(super) held: VecDeque<HistoryEvent>,
    /// When it was resumed.
    resumed_at: Timestamp,
    /// The code could not run when the events that come now were recorded.
    lenient: bool,
    /// How many recorded commands the code asked for, too.
    pub(super) matched: usize,
    /// How the code ended, where the history says that it did.
    pub(super) ended: Option<Result<Payload, WorkflowError>>,
    foresight: Foresight,
}

impl Replay {
    /// Begins with a history's first event; none when it is no first event.
    pub(super) fn begin(
        first: &Recorded,
        entry: Option<&WorkflowEntry>,
        foresight: Foresight,
    ) -> Option<Self> {
        let run = Run::begin(&first.event, first.at)?;
        let task = entry.map(|entry| Task::new(entry, Arc::clone(&run.started), first.at));
        if let Some(task) = &task {
            task.foresee(&foresight);
        }
        let mut replay = Self {
            run,
            task,
            failure: None,
            outstanding: VecDeque::new(),
            held: VecDeque::new(),
            resumed_at: first.at,
            lenient: false,
            matched: 0,
            ended: None,
            foresight,
        };
        if replay.run.delayed_until.is_none() {
            replay.advance(first);
        }
        Some(replay)
    }

    /// Takes in the next event.
    pub(super) fn next(&mut self, recorded: &Recorded) {
        let Recorded { at, event } = recorded;
        apply(&mut self.run, event, *at);
        match event {
            HistoryEvent::ActivityScheduled { .. }
            | HistoryEvent::TimerStarted { .. }
            | HistoryEvent::ActivityCancelRequested { .. }
            | HistoryEvent::TimerCancelled { .. }
            | HistoryEvent::ChildWorkflowStartInitiated { .. }
            | HistoryEvent::ChildWorkflowCancelRequested { .. }
            | HistoryEvent::ExternalRequested { .. }
            | HistoryEvent::UpdateCompleted(_)
            | HistoryEvent::PatchMarked { .. }
            | HistoryEvent::SearchAttributesUpserted { .. }
            | HistoryEvent::MemoUpserted { .. }
            | HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowFailed { .. }
            | HistoryEvent::WorkflowContinuedAsNew { .. }
            | HistoryEvent::WorkflowCancelled => self.expect_asked(event, *at),
            // Recorded by the engine on the way; the code never sees them.
            HistoryEvent::ActivityStarted { .. } | HistoryEvent::WorkflowReset { .. } => {}
            HistoryEvent::WorkflowTaskFailed(_) => {
                self.lenient = true;
                // The code failed at one of them; from here on they come as everything else does.
                self.release_held();
            }
            HistoryEvent::WorkflowTaskRecovered => {
                self.lenient = false;
                self.drop_late_withdrawals();
            }
            _ if self.run.status == RunStatus::Paused => {
                if !self.lenient {
                    self.expect_nothing_asked(Some(event), *at);
                }
                if concerns_code(event) {
                    self.held.push_back(event.clone());
                }
            }
            HistoryEvent::WorkflowResumed => {
                self.resumed_at = *at;
                self.release_held();
            }
            _ => {
                if !self.lenient {
                    self.expect_nothing_asked(Some(event), *at);
                }
                self.advance(recorded);
            }
        }
    }

    /// The history has ended.
    pub(super) fn finish(&mut self, now: Timestamp) {
        if !self.lenient {
            self.expect_nothing_asked(None, now);
        }
        if let Some(task) = &self.task {
            task.set_replaying(false);
        }
    }

    fn advance(&mut self, recorded: &Recorded) {
        if self.failure.is_some() {
            return;
        }
        let Some(task) = &mut self.task else { return };
        let was_seen = self.foresight.was_seen(self.run.history_length);
        task.set_replaying(was_seen);
        // What the code has to say it has said when it came by here first.
        let _silence = was_seen.then(telemetry::silence);
        match task.advance(&recorded.event, recorded.at) {
            Ok(()) => self.outstanding.extend(std::iter::from_fn(|| task.next_asked())),
            Err(mut failure) => {
                failure.event_id = Some(self.run.history_length);
                self.fail(failure);
            }
        }
    }

    /// Shows the code what a pause has kept from it, until it asks for something: that comes next
    /// in the history.
    fn release_held(&mut self) {
        let at = self.resumed_at;
        while self.run.status != RunStatus::Paused {
            let goes_on = self.lenient || self.outstanding.is_empty();
            let ended = self.task.as_ref().is_none_or(Task::has_ended);
            if self.run.status.is_closed() || ended {
                self.held.clear();
            }
            let Some(event) = goes_on.then(|| self.held.pop_front()).flatten() else { return };
            self.advance(&Recorded { at, event });
            if !self.lenient {
                // What it withdraws may have ended in an event that was held, too.
                self.drop_late_withdrawals();
            }
        }
    }

    /// What the code withdrew may have ended while the code could not run; then nothing was
    /// recorded of it, live as here.
    fn drop_late_withdrawals(&mut self) {
        let run = &self.run;
        let mut asked_for = std::collections::BTreeSet::new();
        self.outstanding.retain(|asked| match asked {
            Asked::ScheduleActivity { activity_id: id, .. }
            | Asked::StartTimer { timer_id: id, .. } => {
                asked_for.insert(*id);
                true
            }
            Asked::StartChild { child_id: id, .. } | Asked::AskExternal { request_id: id, .. } => {
                asked_for.insert(*id);
                true
            }
            Asked::CancelChild { child_id } => {
                run.children.contains_key(child_id) || asked_for.contains(child_id)
            }
            Asked::CancelTimer { timer_id } => {
                run.timers.contains_key(timer_id) || asked_for.contains(timer_id)
            }
            Asked::CancelActivity { activity_id } => {
                run.activities.contains_key(activity_id) || asked_for.contains(activity_id)
            }
            Asked::CompleteUpdate { .. } => true,
            Asked::MarkPatch { .. }
            | Asked::UpsertSearchAttributes { .. }
            | Asked::UpsertMemo { .. } => true,
        });
    }

    fn fail(&mut self, failure: Box<TaskFailure>) {
        self.failure = Some(failure);
        self.task = None;
        self.outstanding.clear();
    }

    /// The history says that the code asked for something here.
    fn expect_asked(&mut self, event: &HistoryEvent, at: Timestamp) {
        if self.passes_over(event) {
            return;
        }
        let Some(task) = &mut self.task else { return };
        let asked = self.outstanding.pop_front();
        let same = match (&asked, event) {
            (
                Some(Asked::ScheduleActivity {
                    activity_id: id,
                    activity_type: kind,
                    inline: i,
                    ..
                }),
                HistoryEvent::ActivityScheduled { activity_id, activity_type, inline, .. },
            ) => id == activity_id && kind == activity_type && i == inline,
            (
                Some(Asked::StartTimer { timer_id: id, .. }),
                HistoryEvent::TimerStarted { timer_id, .. },
            )
            | (
                Some(Asked::CancelTimer { timer_id: id }),
                HistoryEvent::TimerCancelled { timer_id },
            ) => id == timer_id,
            (
                Some(Asked::CancelActivity { activity_id: id }),
                HistoryEvent::ActivityCancelRequested { activity_id },
            ) => id == activity_id,
            (
                Some(Asked::StartChild { child_id: id, start: asked, .. }),
                HistoryEvent::ChildWorkflowStartInitiated { child_id, start },
            ) => {
                let recalled = asked.workflow_id != start.workflow_id
                    && is_generated(&self.run.started, *id, &asked.workflow_id, &start.workflow_id);
                if recalled {
                    task.recall_child(*id, &start.workflow_id);
                }
                id == child_id
                    && asked.workflow_type == start.workflow_type
                    && (recalled || asked.workflow_id == start.workflow_id)
                    && asked.detached == start.detached
            }
            (
                Some(Asked::CancelChild { child_id: id }),
                HistoryEvent::ChildWorkflowCancelRequested { child_id },
            ) => id == child_id,
            (
                Some(Asked::AskExternal { request_id: id, request: asked, .. }),
                HistoryEvent::ExternalRequested { request_id, request },
            ) => {
                id == request_id
                    && asked.workflow_id == request.workflow_id
                    && asked.ask.kind() == request.ask.kind()
            }
            (
                Some(Asked::CompleteUpdate { update_id, .. }),
                HistoryEvent::UpdateCompleted(update),
            ) => *update_id == update.update_id,
            (
                Some(Asked::MarkPatch { patch_id: id, .. }),
                HistoryEvent::PatchMarked { patch_id, .. },
            ) => id == patch_id,
            (
                Some(Asked::UpsertSearchAttributes { attributes: asked, .. }),
                HistoryEvent::SearchAttributesUpserted { attributes },
            ) => asked.keys().eq(attributes.keys()),
            (Some(Asked::UpsertMemo { memo: asked, .. }), HistoryEvent::MemoUpserted { memo }) => {
                asked.keys().eq(memo.keys())
            }
            (None, event) if is_end(event) => {
                self.ended = task.take_ended();
                ends_as(self.ended.as_ref(), event)
            }
            _ => false,
        };
        if same {
            self.matched += 1;
            self.release_held();
            return;
        }
        let ended = End::of(self.ended.as_ref(), task.has_ended());
        let failure = diverged(self.run.history_length, Some(event), asked.as_ref(), ended, at);
        self.fail(failure);
    }

    /// A deprecated marker says only that code came by here which knew no other way: code that
    /// does not ask for the patch any more takes the same way.
    fn passes_over(&self, event: &HistoryEvent) -> bool {
        let HistoryEvent::PatchMarked { patch_id, deprecated: true } = event else { return false };
        !matches!(self.outstanding.front(), Some(Asked::MarkPatch { patch_id: id, .. }) if id == patch_id)
    }

    /// The history says that the code asked for nothing more here.
    fn expect_nothing_asked(&mut self, event: Option<&HistoryEvent>, at: Timestamp) {
        let Some(task) = &self.task else { return };
        let ended = task.has_ended();
        if self.outstanding.is_empty() && !ended {
            return;
        }
        let asked = self.outstanding.pop_front();
        let event_id = match event {
            Some(_) => self.run.history_length,
            None => self.run.history_length + 1,
        };
        let ended = End::of(None, ended);
        let failure = diverged(event_id, event, asked.as_ref(), ended, at);
        self.fail(failure);
    }
}

/// How the code ended, in words.
#[derive(Clone, Copy)]
struct End(&'static str);

impl End {
    fn of(taken: Option<&Result<Payload, WorkflowError>>, has_ended: bool) -> Option<Self> {
        match taken {
            Some(Ok(_)) => Some(Self("workflow_completed")),
            Some(Err(WorkflowError::Failed(_))) => Some(Self("workflow_failed")),
            Some(Err(WorkflowError::Cancelled)) => Some(Self("workflow_cancelled")),
            Some(Err(WorkflowError::ContinueAsNew(_))) => Some(Self("workflow_continued_as_new")),
            None => has_ended.then_some(Self("the end of the workflow")),
        }
    }
}

const fn is_end(event: &HistoryEvent) -> bool {
    matches!(
        event,
        HistoryEvent::WorkflowCompleted { .. }
            | HistoryEvent::WorkflowFailed { .. }
            | HistoryEvent::WorkflowContinuedAsNew { .. }
            | HistoryEvent::WorkflowCancelled
    )
}

/// Whether the code has ended as the history says.
fn ends_as(ended: Option<&Result<Payload, WorkflowError>>, event: &HistoryEvent) -> bool {
    match (ended, event) {
        (Some(Ok(_)), HistoryEvent::WorkflowCompleted { .. })
        | (Some(Err(WorkflowError::Failed(_))), HistoryEvent::WorkflowFailed { .. })
        | (Some(Err(WorkflowError::Cancelled)), HistoryEvent::WorkflowCancelled)
        | (
            Some(Err(WorkflowError::ContinueAsNew(_))),
            HistoryEvent::WorkflowContinuedAsNew { .. },
        ) => true,
        // What it would have handed on was too large then.
        (
            Some(Ok(_) | Err(WorkflowError::ContinueAsNew(_))),
            HistoryEvent::WorkflowFailed { failure },
        ) => failure.kind == TOO_LARGE,
        _ => false,
    }
}

fn diverged(
    event_id: u64,
    recorded: Option<&HistoryEvent>,
    asked: Option<&Asked>,
    ended: Option<End>,
    at: Timestamp,
) -> Box<TaskFailure> {
    let recorded = recorded.map_or_else(|| "the end of the history".into(), describe_event);
    let (asked, location) = match (asked, ended) {
        (Some(asked), _) => describe_asked(asked),
        (None, Some(End(how))) => (how.into(), None),
        (None, None) => ("nothing".into(), None),
    };
    Box::new(TaskFailure {
        kind: TaskFailureKind::NonDeterminism,
        message: format!(
            "the code asked for something else than its history says: event {event_id} recorded \
             {recorded}, the code now asked {asked}; deploy code that takes the recorded way for \
             this run, and it goes on by itself"
        ),
        event_id: Some(event_id),
        recorded: Some(recorded),
        asked: Some(asked),
        location,
        at,
    })
}

fn describe_event(event: &HistoryEvent) -> String {
    match event {
        HistoryEvent::ActivityScheduled { activity_id, activity_type, inline, .. } => {
            let what = if *inline { "step" } else { "activity" };
            format!("{what} `{activity_type}` (id {activity_id})")
        }
        HistoryEvent::TimerStarted { timer_id, .. } => format!("timer {timer_id}"),
        HistoryEvent::TimerCancelled { timer_id } => format!("the end of timer {timer_id}"),
        HistoryEvent::ActivityCancelRequested { activity_id } => {
            format!("the end of activity {activity_id}")
        }
        HistoryEvent::ChildWorkflowStartInitiated { child_id, start } => {
            describe_start(*child_id, start)
        }
        HistoryEvent::ChildWorkflowCancelRequested { child_id } => {
            format!("the end of child workflow {child_id}")
        }
        HistoryEvent::ExternalRequested { request_id, request } => {
            describe_request(*request_id, request)
        }
        HistoryEvent::UpdateCompleted(update) => {
            format!("the answer to update `{}`", update.update_id)
        }
        HistoryEvent::PatchMarked { patch_id, .. } => format!("patch `{patch_id}`"),
        HistoryEvent::SearchAttributesUpserted { attributes } => {
            describe_upsert("search attributes", attributes)
        }
        HistoryEvent::MemoUpserted { memo } => describe_upsert("memo fields", memo),
        other => other.name().into(),
    }
}

fn describe_upsert(what: &str, changed: &BTreeMap<String, Payload>) -> String {
    let names: Vec<_> = changed.keys().map(|name| format!("`{name}`")).collect();
    format!("change of {what} {}", names.join(", "))
}

fn describe_start(child_id: u32, start: &ChildStart) -> String {
    let what = if start.detached { "start of workflow" } else { "child workflow" };
    format!("{what} `{}` of type `{}` (id {child_id})", start.workflow_id, start.workflow_type)
}

fn describe_request(request_id: u32, request: &ExternalRequest) -> String {
    let what = match &request.ask {
        ExternalAsk::Signal(signal) => format!("signal `{}`", signal.name),
        ExternalAsk::Cancel => "cancel request".into(),
        ExternalAsk::Terminate { .. } => "termination".into(),
    };
    format!("{what} to workflow `{}` (id {request_id})", request.workflow_id)
}

fn describe_asked(asked: &Asked) -> (String, Option<String>) {
    let place = |at: &std::panic::Location<'_>| Some(format!("{}:{}", at.file(), at.line()));
    match asked {
        Asked::ScheduleActivity { activity_id, activity_type, inline, location, .. } => {
            let what = if *inline { "step" } else { "activity" };
            (format!("{what} `{activity_type}` (id {activity_id})"), place(location))
        }
        Asked::StartTimer { timer_id, location, .. } => {
            (format!("timer {timer_id}"), place(location))
        }
        Asked::CancelActivity { activity_id } => {
            (format!("the end of activity {activity_id}"), None)
        }
        Asked::CancelTimer { timer_id } => (format!("the end of timer {timer_id}"), None),
        Asked::StartChild { child_id, start, location } => {
            (describe_start(*child_id, start), place(location))
        }
        Asked::CancelChild { child_id } => (format!("the end of child workflow {child_id}"), None),
        Asked::AskExternal { request_id, request, location } => {
            (describe_request(*request_id, request), place(location))
        }
        Asked::CompleteUpdate { update_id, .. } => {
            (format!("the answer to update `{update_id}`"), None)
        }
        Asked::MarkPatch { patch_id, location, .. } => {
            (format!("patch `{patch_id}`"), place(location))
        }
        Asked::UpsertSearchAttributes { attributes, location } => {
            (describe_upsert("search attributes", attributes), place(location))
        }
        Asked::UpsertMemo { memo, location } => {
            (describe_upsert("memo fields", memo), place(location))
        }
    }
}

/// Whether a child's id was generated by the code, now and by the run that this one's history was
/// copied from.
fn is_generated(started: &WorkflowStarted, child_id: u32, now: &str, recorded: &str) -> bool {
    let run_of = |id: &str| id.strip_suffix(&format!("-{child_id}"))?.parse::<RunId>().ok();
    started.reset.is_some() && run_of(now) == Some(started.run_id) && run_of(recorded).is_some()
}
