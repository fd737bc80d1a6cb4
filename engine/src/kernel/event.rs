//! What happened to a run: the vocabulary of its history.
//!
//! Names and meanings follow Temporal's history events, so that both can be translated. The stored
//! form is postcard: a variant's place in the enum is its number on disk, so variants and fields
//! are only ever added at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RetryPolicy;
use super::chain::Continuation;
use super::relations::{ChildStart, ExternalKind, ExternalRequest, ParentLink};
use crate::queue::Dispatch;
use crate::{Failure, Payload, RunId, Timestamp, TraceContext};

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

/// An update that the code has taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateAccepted {
    /// The id under which it is deduplicated.
    pub update_id: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its argument.
    pub payload: Payload,
}

/// The code's answer to an update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateCompleted {
    /// Which update.
    pub update_id: Arc<str>,
    /// What its caller is told.
    pub outcome: Result<Payload, Failure>,
}

/// How a run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowStarted {
    /// The namespace that holds the run.
    pub namespace: String,
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    pub run_id: RunId,
    /// The registered type.
    pub workflow_type: Arc<str>,
    /// The input.
    pub input: Payload,
    /// Milliseconds before the code runs first.
    pub start_delay_ms: Option<u64>,
    /// Milliseconds that the execution may take: this run and all that it continues as.
    pub execution_timeout_ms: Option<u64>,
    /// The starter's memo, a JSON object.
    pub memo: Option<Payload>,
    /// Attributes that the list can filter by.
    pub search_attributes: BTreeMap<String, Payload>,
    /// The build that accepted the start.
    pub build_id: Arc<str>,
    /// Whose child it is.
    pub parent: Option<Box<ParentLink>>,
    /// The version of the workflow's code that the run stays with; empty for code that was
    /// registered without one.
    pub version: Arc<str>,
    /// What it continues.
    pub continued: Option<Box<Continuation>>,
    /// Milliseconds that this run may take.
    pub run_timeout_ms: Option<u64>,
    /// When the execution timeout ends, once for the whole chain: what the run continues as takes
    /// it over as it is.
    pub execution_deadline: Option<Timestamp>,
    /// What it was reset from.
    pub reset: Option<Box<ResetOrigin>>,
    /// The trace that its starter belongs to; without one the chain is a trace of its own.
    pub trace: Option<Box<TraceContext>>,
}

impl WorkflowStarted {
    /// What the code's random numbers come from: a replay of a copied history needs the numbers
    /// that its original had.
    pub fn seed(&self) -> RunId {
        self.reset.as_ref().map_or(self.run_id, |reset| reset.seed)
    }
}

/// Where a run that was reset comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetOrigin {
    /// The run whose history it begins with.
    pub from_run_id: RunId,
    /// The first run of the chain.
    pub first_run_id: RunId,
    /// What the random numbers come from.
    pub seed: RunId,
    /// When it was reset: the run's own start. The copied events keep their times.
    pub at: Timestamp,
}

/// How an activity is run. [`ActivityOptions::DEFAULT`] is the one place that says what holds
/// where nothing is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityOptions {
    /// Milliseconds that one attempt may take.
    pub start_to_close_ms: u64,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// A function over the application's rows whose writes commit with its result.
    pub transaction: bool,
    /// Milliseconds that all attempts and the pauses between them may take.
    pub schedule_to_close_ms: Option<u64>,
    /// Milliseconds that it may wait for an attempt to start.
    pub schedule_to_start_ms: Option<u64>,
    /// Milliseconds that an attempt may go on without a heartbeat.
    pub heartbeat_ms: Option<u64>,
    /// Milliseconds that an attempt has to end in once it is asked to.
    pub cancel_grace_ms: u64,
    /// Its place in a task queue, where one is asked for.
    pub dispatch: Option<Box<Dispatch>>,
}

impl ActivityOptions {
    /// 60 s for an attempt, [`RetryPolicy::DEFAULT`], 30 s to end when asked to, and no other
    /// limit.
    pub const DEFAULT: Self = Self {
        start_to_close_ms: 60_000,
        retry: RetryPolicy::DEFAULT,
        schedule_to_close_ms: None,
        schedule_to_start_ms: None,
        heartbeat_ms: None,
        cancel_grace_ms: 30_000,
        transaction: false,
        dispatch: None,
    };
}

/// Why a run's code cannot go on. The run stays open, and the code is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskFailure {
    /// What kind of failure.
    pub kind: TaskFailureKind,
    /// What happened and what to do, for people.
    pub message: String,
    /// The event at which code and history part.
    pub event_id: Option<u64>,
    /// What the history says there.
    pub recorded: Option<String>,
    /// What the code asked for.
    pub asked: Option<String>,
    /// Source file and line.
    pub location: Option<String>,
    /// When it was first seen.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub at: Timestamp,
}

/// The kinds of [`TaskFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskFailureKind {
    /// The code panicked.
    Panic,
    /// The code asked for something else than its history says.
    NonDeterminism,
    /// The code waits for nothing that could ever wake it.
    NotDurable,
    /// No worker of this server registers the workflow's type, or this version of it.
    Unregistered,
    /// The code gave the run something that is larger than the limit.
    PayloadTooLarge,
}

impl TaskFailureKind {
    /// The API's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::NonDeterminism => "non_determinism",
            Self::NotDurable => "not_durable",
            Self::Unregistered => "unregistered",
            Self::PayloadTooLarge => "payload_too_large",
        }
    }
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
