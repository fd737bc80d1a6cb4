//! What happened to a run: the vocabulary of its history.
//!
//! Names and meanings follow Temporal's history events, so that both can be translated. The stored
//! form is postcard: a variant's place in the enum is its number on disk, so variants and fields
//! are only ever added at the end.

mod activity_options;
mod started;
mod task_failure;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::activity_options::ActivityOptions;
pub use self::started::{ResetOrigin, WorkflowStarted};
pub use self::task_failure::{TaskFailure, TaskFailureKind};
pub use self::update::{UpdateAccepted, UpdateCompleted};
use super::relations::{ChildStart, ExternalKind, ExternalRequest};
use crate::{Failure, Payload, RunId, Timestamp};

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The engine's clock when it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: HistoryEvent,
}

/// One fact in a run's history. Activities and timers share one series of ids within a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")] // The names in exported runs; the store has numbers.
#[non_exhaustive]
pub enum HistoryEvent {
    /// The first event of every run.
    WorkflowStarted(Arc<WorkflowStarted>),
    /// The start delay is over: the code runs for the first time.
    StartDelayElapsed,
    /// The code asked for an activity or an inline step.
    ActivityScheduled {
        /// The id that the code gave it.
        activity_id: u32,
        /// The registered type, or the inline step's name.
        activity_type: Arc<str>,
        /// What it is called with.
        input: Payload,
        /// Where it differs from the defaults.
        options: Option<Box<ActivityOptions>>,
        /// A step whose code stands in the workflow itself.
        inline: bool,
    },
    /// An attempt was handed to a worker.
    ActivityStarted {
        /// Which activity.
        activity_id: u32,
        /// From 1.
        attempt: u32,
    },
    /// An attempt returned a result.
    ActivityCompleted {
        /// Which activity.
        activity_id: u32,
        /// What it returned.
        result: Payload,
    },
    /// An attempt failed, ran out of time or was lost with its process.
    ActivityFailed {
        /// Which activity.
        activity_id: u32,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// When the next attempt starts; none when this was the last.
        retry_at: Option<Timestamp>,
    },
    /// The code no longer wants the activity.
    ActivityCancelRequested {
        /// Which activity.
        activity_id: u32,
    },
    /// The activity has ended because it was asked to.
    ActivityCancelled {
        /// Which activity.
        activity_id: u32,
        /// Its attempt did not end within its grace and was given up.
        abandoned: bool,
    },
    /// The code asked to be woken.
    TimerStarted {
        /// The id that the code gave it.
        timer_id: u32,
        /// When.
        fires_at: Timestamp,
    },
    /// The time has come.
    TimerFired {
        /// Which timer.
        timer_id: u32,
    },
    /// The code no longer waits for it.
    TimerCancelled {
        /// Which timer.
        timer_id: u32,
    },
    /// A signal arrived.
    SignalReceived {
        /// Its name.
        name: Arc<str>,
        /// What it carries.
        payload: Payload,
    },
    /// Cancellation was asked for from outside.
    WorkflowCancelRequested,
    /// The code returned a result.
    WorkflowCompleted {
        /// What it returned.
        result: Payload,
    },
    /// The code returned an error.
    WorkflowFailed {
        /// Why.
        failure: Failure,
    },
    /// The code ended because cancellation was asked for.
    WorkflowCancelled,
    /// Ended from outside, at once.
    WorkflowTerminated {
        /// The reason given.
        reason: String,
    },
    /// Not ended within its execution timeout.
    WorkflowTimedOut,
    /// The code panicked, asked for something else than recorded, or waits for nothing durable.
    /// Events that follow are recorded but not acted on until `WorkflowTaskRecovered`.
    WorkflowTaskFailed(Box<TaskFailure>),
    /// The code runs again, after a fix or by another try.
    WorkflowTaskRecovered,
    /// Nothing more of the run is dispatched: what happens from here on is recorded and acted on
    /// at `WorkflowResumed`.
    WorkflowPaused {
        /// The reason given.
        reason: String,
    },
    /// The run goes on: the code sees what was recorded meanwhile, event by event.
    WorkflowResumed,
    /// The code asked for another workflow: a child, or one that goes on alone.
    ChildWorkflowStartInitiated {
        /// The id that the code gave it.
        child_id: u32,
        /// What is to be started.
        start: Box<ChildStart>,
    },
    /// It was started.
    ChildWorkflowStarted {
        /// Which one.
        child_id: u32,
        /// Its run.
        run_id: RunId,
    },
    /// It could not be started.
    ChildWorkflowStartFailed {
        /// Which one.
        child_id: u32,
        /// Why.
        failure: Failure,
    },
    /// The code no longer wants the child.
    ChildWorkflowCancelRequested {
        /// Which child.
        child_id: u32,
    },
    /// The child returned a result.
    ChildWorkflowCompleted {
        /// Which child.
        child_id: u32,
        /// What it returned.
        result: Payload,
    },
    /// The child returned an error.
    ChildWorkflowFailed {
        /// Which child.
        child_id: u32,
        /// Why.
        failure: Failure,
    },
    /// The child ended because it was asked to.
    ChildWorkflowCancelled {
        /// Which child.
        child_id: u32,
    },
    /// The child was ended from outside.
    ChildWorkflowTerminated {
        /// Which child.
        child_id: u32,
        /// Why.
        failure: Failure,
    },
    /// The child did not end in time.
    ChildWorkflowTimedOut {
        /// Which child.
        child_id: u32,
        /// Why.
        failure: Failure,
    },
    /// The code asked something of another run.
    ExternalRequested {
        /// The id that the code gave it.
        request_id: u32,
        /// Of whom, and what.
        request: Box<ExternalRequest>,
    },
    /// The other run has it in its history.
    ExternalDelivered {
        /// Which request.
        request_id: u32,
        /// What was asked.
        kind: ExternalKind,
    },
    /// The other run could not take it.
    ExternalFailed {
        /// Which request.
        request_id: u32,
        /// What was asked.
        kind: ExternalKind,
        /// Why.
        failure: Failure,
    },
    /// The code took an update that its validator let pass.
    UpdateAccepted(Box<UpdateAccepted>),
    /// The code answered an update.
    UpdateCompleted(Box<UpdateCompleted>),
    /// The code took the new way of a change that old runs must not take.
    PatchMarked {
        /// The change's id.
        patch_id: Arc<str>,
        /// Recorded by code that knows no other way any more, so that code which does not ask for
        /// the patch may pass over it.
        deprecated: bool,
    },
    /// The code asked to go on as a new run, which has begun in the same commit.
    WorkflowContinuedAsNew {
        /// The new run.
        new_run_id: RunId,
        /// What it was started with.
        input: Payload,
    },
    /// The attempt's code has ended without an outcome: somebody outside will report it under the
    /// attempt's task token.
    ActivityHandedOver {
        /// Which activity.
        activity_id: u32,
        /// The attempt that goes on outside.
        attempt: u32,
    },
    /// An attempt reported after it had run out of time or had been given up. The code never sees
    /// it.
    ActivityResultLate {
        /// Which activity.
        activity_id: u32,
        /// The attempt that came late.
        attempt: u32,
        /// What it would have brought.
        outcome: Result<Payload, Failure>,
    },
    /// Everything before was copied from another run; from here on the run is its own.
    WorkflowReset {
        /// The run that it was copied from.
        from_run_id: RunId,
        /// The last event of that run that was taken over.
        to_event_id: u64,
        /// The reason given.
        reason: String,
    },
    /// The code changed search attributes; null took one away.
    SearchAttributesUpserted {
        /// Those that changed.
        attributes: BTreeMap<String, Payload>,
    },
    /// The code changed fields of the memo; null took one away.
    MemoUpserted {
        /// Those that changed.
        memo: BTreeMap<String, Payload>,
    },
}

impl HistoryEvent {
    /// The API's name of the event's type.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WorkflowStarted(_) => "workflow_started",
            Self::StartDelayElapsed => "start_delay_elapsed",
            Self::ActivityScheduled { .. } => "activity_scheduled",
            Self::ActivityStarted { .. } => "activity_started",
            Self::ActivityCompleted { .. } => "activity_completed",
            Self::ActivityFailed { .. } => "activity_failed",
            Self::ActivityCancelRequested { .. } => "activity_cancel_requested",
            Self::ActivityCancelled { .. } => "activity_cancelled",
            Self::TimerStarted { .. } => "timer_started",
            Self::TimerFired { .. } => "timer_fired",
            Self::TimerCancelled { .. } => "timer_cancelled",
            Self::SignalReceived { .. } => "signal_received",
            Self::WorkflowCancelRequested => "workflow_cancel_requested",
            Self::WorkflowCompleted { .. } => "workflow_completed",
            Self::WorkflowFailed { .. } => "workflow_failed",
            Self::WorkflowCancelled => "workflow_cancelled",
            Self::WorkflowTerminated { .. } => "workflow_terminated",
            Self::WorkflowTimedOut => "workflow_timed_out",
            Self::WorkflowTaskFailed(_) => "workflow_task_failed",
            Self::WorkflowTaskRecovered => "workflow_task_recovered",
            Self::WorkflowPaused { .. } => "workflow_paused",
            Self::WorkflowResumed => "workflow_resumed",
            Self::ChildWorkflowStartInitiated { .. } => "child_workflow_start_initiated",
            Self::ChildWorkflowStarted { .. } => "child_workflow_started",
            Self::ChildWorkflowStartFailed { .. } => "child_workflow_start_failed",
            Self::ChildWorkflowCancelRequested { .. } => "child_workflow_cancel_requested",
            Self::ChildWorkflowCompleted { .. } => "child_workflow_completed",
            Self::ChildWorkflowFailed { .. } => "child_workflow_failed",
            Self::ChildWorkflowCancelled { .. } => "child_workflow_cancelled",
            Self::ChildWorkflowTerminated { .. } => "child_workflow_terminated",
            Self::ChildWorkflowTimedOut { .. } => "child_workflow_timed_out",
            Self::ExternalRequested { request, .. } => match request.ask.kind() {
                ExternalKind::Signal => "external_signal_requested",
                ExternalKind::Cancel => "external_cancel_requested",
                ExternalKind::Terminate => "external_terminate_requested",
            },
            Self::ExternalDelivered { kind, .. } => match kind {
                ExternalKind::Signal => "external_signal_delivered",
                ExternalKind::Cancel => "external_cancel_delivered",
                ExternalKind::Terminate => "external_terminate_delivered",
            },
            Self::ExternalFailed { kind, .. } => match kind {
                ExternalKind::Signal => "external_signal_failed",
                ExternalKind::Cancel => "external_cancel_failed",
                ExternalKind::Terminate => "external_terminate_failed",
            },
            Self::UpdateAccepted(_) => "update_accepted",
            Self::UpdateCompleted(_) => "update_completed",
            Self::PatchMarked { .. } => "patch_marked",
            Self::WorkflowContinuedAsNew { .. } => "workflow_continued_as_new",
            Self::ActivityHandedOver { .. } => "activity_handed_over",
            Self::ActivityResultLate { .. } => "activity_result_late",
            Self::WorkflowReset { .. } => "workflow_reset",
            Self::SearchAttributesUpserted { .. } => "search_attributes_upserted",
            Self::MemoUpserted { .. } => "memo_upserted",
        }
    }

    /// Every event type's name, for the API's description.
    pub const NAMES: &'static [&'static str] = &[
        "workflow_started",
        "start_delay_elapsed",
        "activity_scheduled",
        "activity_started",
        "activity_completed",
        "activity_failed",
        "activity_cancel_requested",
        "activity_cancelled",
        "timer_started",
        "timer_fired",
        "timer_cancelled",
        "signal_received",
        "workflow_cancel_requested",
        "workflow_completed",
        "workflow_failed",
        "workflow_cancelled",
        "workflow_terminated",
        "workflow_timed_out",
        "workflow_task_failed",
        "workflow_task_recovered",
        "workflow_paused",
        "workflow_resumed",
        "child_workflow_start_initiated",
        "child_workflow_started",
        "child_workflow_start_failed",
        "child_workflow_cancel_requested",
        "child_workflow_completed",
        "child_workflow_failed",
        "child_workflow_cancelled",
        "child_workflow_terminated",
        "child_workflow_timed_out",
        "external_signal_requested",
        "external_cancel_requested",
        "external_terminate_requested",
        "external_signal_delivered",
        "external_cancel_delivered",
        "external_terminate_delivered",
        "external_signal_failed",
        "external_cancel_failed",
        "external_terminate_failed",
        "update_accepted",
        "update_completed",
        "patch_marked",
        "workflow_continued_as_new",
        "activity_handed_over",
        "activity_result_late",
        "workflow_reset",
        "search_attributes_upserted",
        "memo_upserted",
    ];
}
