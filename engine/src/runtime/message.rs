//! What reaches the loop.

use std::time::Duration;

use everstep_storage::log::{Append, Appended, Checked};
use everstep_storage::{Commit, StoreError};
use tokio::sync::oneshot;

use super::namespaces::NamespaceChange;
use super::transactions::TransactionCode;
use super::updates::UpdateWatch;
use crate::batch::Targets;
use crate::schedule::{Backfill, Overlap, ScheduleInput};
use crate::view::{RunResult, Triggered, UpdateState};
use crate::{
    Failure, Payload, QueueLimits, Rejection, ResetRequest, RunId, Selector, SignalInput,
    StartRequest, Started, TaskToken, Timestamp, UpdateInput,
};

pub(super) type Reply<T> = oneshot::Sender<Result<T, Rejection>>;

pub(super) enum Message {
    Start {
        request: Box<StartRequest>,
        watch: Option<oneshot::Sender<RunResult>>,
        reply: Reply<Started>,
    },
    Signal {
        selector: Box<Selector>,
        signal: SignalInput,
        idempotency_key: Option<String>,
        reply: Reply<()>,
    },
    Update {
        selector: Box<Selector>,
        update: Box<UpdateInput>,
        watch: UpdateWatch,
        reply: Reply<UpdateState>,
    },
    /// Answers what is known of an update; keeps `watch` until it has come to its end.
    WatchUpdate {
        selector: Box<Selector>,
        update_id: String,
        watch: UpdateWatch,
        reply: Reply<UpdateState>,
    },
    Append {
        namespace: String,
        append: Box<Append>,
        /// Up to here no event matches the append's condition.
        checked: Checked,
        reply: Reply<Appended>,
    },
    Transact {
        namespace: String,
        code: TransactionCode,
        reply: Reply<()>,
    },
    Cancel {
        selector: Box<Selector>,
        reply: Reply<()>,
    },
    Terminate {
        selector: Box<Selector>,
        reason: String,
        reply: Reply<()>,
    },
    Pause {
        selector: Box<Selector>,
        reason: String,
        reply: Reply<()>,
    },
    Resume {
        selector: Box<Selector>,
        reply: Reply<()>,
    },
    /// Sets a task queue's limits; none takes back what was set.
    SetQueue {
        namespace: String,
        name: String,
        limits: Option<QueueLimits>,
        reply: Reply<()>,
    },
    Reset {
        selector: Box<Selector>,
        request: Box<ResetRequest>,
        reply: Reply<Started>,
    },
    /// Act on a batch's page, and complete the activity that selected it.
    BatchPage {
        token: Box<TaskToken>,
        targets: Targets,
        reply: Reply<()>,
    },
    Delete {
        selector: Box<Selector>,
        reply: Reply<()>,
    },
    RetryActivity {
        selector: Box<Selector>,
        activity_id: u32,
        reply: Reply<()>,
    },
    RetryTask {
        selector: Box<Selector>,
        reply: Reply<()>,
    },
    Namespace {
        name: String,
        change: NamespaceChange,
        reply: Reply<()>,
    },
    /// Does something to a schedule.
    Schedule {
        request: Box<ScheduleRequest>,
        reply: Reply<ScheduleAnswer>,
    },
    /// Answers the result of a closed run; keeps `watch` for an open one.
    Watch {
        selector: Box<Selector>,
        watch: oneshot::Sender<RunResult>,
        reply: Reply<Option<RunResult>>,
    },
    /// Somebody outside reports of the attempt that the token names.
    OutsideReport {
        token: Box<TaskToken>,
        report: OutsideReport,
        /// Whether cancellation was asked for.
        reply: Reply<bool>,
    },
    /// An attempt gave a heartbeat that the loop does not look for yet.
    Heartbeat {
        run_id: RunId,
        activity_id: u32,
        attempt: u32,
    },
    /// An attempt on the runtime's threads has ended.
    AttemptEnded(AttemptEnded),
    /// An inline step can go on.
    InlineReady {
        run_id: RunId,
        activity_id: u32,
    },
    /// A batch that was handed over is durable, or not.
    Committed(Result<Commit, StoreError>),
    AdvanceClock {
        ms: u64,
        reply: Reply<Timestamp>,
    },
    Skip {
        until: Timestamp,
        hanging: std::sync::Arc<std::sync::atomic::AtomicUsize>,
        reply: Reply<bool>,
    },
    Drain {
        grace: Duration,
        reply: oneshot::Sender<()>,
    },
}

/// What somebody outside says of an attempt.
pub(super) enum OutsideReport {
    Complete(Payload),
    Fail(Failure),
    Heartbeat(Payload),
}

pub(super) struct AttemptEnded {
    pub(super) run_id: RunId,
    pub(super) activity_id: u32,
    pub(super) attempt: u32,
    pub(super) outcome: Result<Payload, Failure>,
}

/// What is asked of one schedule.
pub(super) struct ScheduleRequest {
    pub(super) namespace: String,
    pub(super) schedule_id: String,
    pub(super) act: ScheduleAct,
}

pub(super) enum ScheduleAct {
    Create(ScheduleInput),
    Update(ScheduleInput),
    /// A worker says at start-up that it is to be so; with a fingerprint of what it says.
    Declare(ScheduleInput, u64),
    Pause(Option<String>),
    Resume(Option<String>),
    Trigger(Option<Overlap>),
    Backfill(Backfill),
    Delete,
}

#[derive(Debug)]
pub(super) enum ScheduleAnswer {
    Done,
    Triggered(Triggered),
    Backfilled(u64),
}
