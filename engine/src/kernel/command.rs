//! What is asked of a run: by its own code, from outside, or by the clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    ActivityOptions, ActivityTimeout, Answer, ChildStart, ExternalRequest, TaskFailure,
    UpdateAccepted, UpdateCompleted,
};
use crate::{Failure, Payload, RunId, Timestamp};

/// A wish that [`decide`](super::decide) grants as events or refuses.
#[derive(Clone, Debug)]
pub enum Command {
    /// The start delay is over.
    ElapseStartDelay,
    /// Code: run an activity.
    ScheduleActivity {
        /// The id that the code gave it.
        activity_id: u32,
        /// The registered type, or the inline step's name.
        activity_type: Arc<str>,
        /// What to call it with.
        input: Payload,
        /// Where it differs from the defaults.
        options: Option<Box<ActivityOptions>>,
        /// A step whose code stands in the workflow itself.
        inline: bool,
    },
    /// Worker: an attempt returned.
    CompleteActivity {
        /// Which activity.
        activity_id: u32,
        /// The attempt that returned.
        attempt: u32,
        /// What it returned.
        result: Payload,
    },
    /// Worker: an attempt failed, ran out of time or was lost.
    FailActivity {
        /// Which activity.
        activity_id: u32,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// Worker: the attempt goes on outside, and its outcome will be reported from there.
    HandOverActivity {
        /// Which activity.
        activity_id: u32,
        /// The attempt that goes on.
        attempt: u32,
    },
    /// Clock: one of the activity's times has run out.
    TimeOutActivity {
        /// Which activity.
        activity_id: u32,
        /// Which time.
        timeout: ActivityTimeout,
        /// The details of its last heartbeat.
        last_heartbeat: Option<Payload>,
    },
    /// Engine: the activity cannot be run as it was asked for.
    RefuseActivity {
        /// Which activity.
        activity_id: u32,
        /// Why.
        failure: Failure,
    },
    /// Clock: the pause before the next attempt is over.
    RetryActivity {
        /// Which activity.
        activity_id: u32,
    },
    /// Code: the activity is no longer wanted.
    CancelActivity {
        /// Which activity.
        activity_id: u32,
    },
    /// Worker, or the engine for one that is not running: it has ended as asked.
    AcknowledgeCancel {
        /// Which activity.
        activity_id: u32,
    },
    /// Clock: the grace of a cancelled attempt is over.
    AbandonActivity {
        /// Which activity.
        activity_id: u32,
    },
    /// Code: wake me.
    StartTimer {
        /// The id that the code gave it.
        timer_id: u32,
        /// When.
        fires_at: Timestamp,
    },
    /// Clock: the time has come.
    FireTimer {
        /// Which timer.
        timer_id: u32,
    },
    /// Code: the timer is no longer wanted.
    CancelTimer {
        /// Which timer.
        timer_id: u32,
    },
    /// Outside: a signal.
    Signal {
        /// Its name.
        name: Arc<str>,
        /// What it carries.
        payload: Payload,
    },
    /// Outside: end in your own way.
    RequestCancel,
    /// Code: done.
    Complete {
        /// What it returned.
        result: Payload,
    },
    /// Code: failed.
    Fail {
        /// Why.
        failure: Failure,
    },
    /// Code: ended because it was asked to.
    Cancel,
    /// Outside: end now.
    Terminate {
        /// Why.
        reason: String,
    },
    /// Clock: the execution timeout is over.
    TimeOut,
    /// Engine: the code cannot go on.
    FailTask(Box<TaskFailure>),
    /// Engine: the code runs again.
    RecoverTask,
    /// Outside: dispatch nothing more of the run.
    Pause {
        /// Why.
        reason: String,
    },
    /// Outside: go on.
    Resume,
    /// Code: start another workflow.
    InitiateChild {
        /// The id that the code gave it.
        child_id: u32,
        /// What to start.
        start: Box<ChildStart>,
    },
    /// Code: go on as a new run.
    ContinueAsNew {
        /// The new run.
        new_run_id: RunId,
        /// What it is started with.
        input: Payload,
    },
    /// Code: the child is no longer wanted.
    CancelChild {
        /// Which child.
        child_id: u32,
    },
    /// Code: ask something of another run.
    RequestExternal {
        /// The id that the code gave it.
        request_id: u32,
        /// Of whom, and what.
        request: Box<ExternalRequest>,
    },
    /// Another run: what became of a start, a child or a request.
    TakeAnswer {
        /// The answer.
        answer: Box<Answer>,
        /// The run of the chain that had asked; none where it was looked up and not told.
        asked_by: Option<RunId>,
    },
    /// Code: its validator let an update pass, and it took it.
    AcceptUpdate(Box<UpdateAccepted>),
    /// Code: the answer to an update that it took.
    CompleteUpdate(Box<UpdateCompleted>),
    /// Code: this run takes the new way.
    MarkPatch {
        /// The change's id.
        patch_id: Arc<str>,
        /// The code knows no other way any more.
        deprecated: bool,
    },
    /// Code: these search attributes change.
    UpsertSearchAttributes {
        /// By name; null takes one away.
        attributes: BTreeMap<String, Payload>,
    },
    /// Code: these fields of the memo change.
    UpsertMemo {
        /// By name; null takes one away.
        memo: BTreeMap<String, Payload>,
    },
}
