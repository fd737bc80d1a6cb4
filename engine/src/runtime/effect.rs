//! What may happen once a batch is durable: answers, attempts, and word to those who watch.

use std::sync::Arc;

use everstep_storage::log::Appended;
use tokio::sync::watch;

use super::changes::Change;
use super::message::{Reply, ScheduleAnswer};
use super::namespaces::NamespaceRecord;
use crate::telemetry::FinishedSpan;
use crate::view::{RunResult, UpdateState};
use crate::{Rejection, RunId, Started, Timestamp};

/// What may happen once the batch is durable, in order. A turn has one for each attempt that it
/// begins, so what is large and rare stands behind a pointer.
pub(super) enum Effect {
    AnswerStart(Reply<Started>, Result<Started, Rejection>),
    Answer(Reply<()>, Result<(), Rejection>),
    /// A namespace was created, changed or, without a record, deleted.
    Namespace {
        reply: Reply<()>,
        name: String,
        record: Option<Box<NamespaceRecord>>,
    },
    AnswerAppend(Reply<Appended>, Result<Appended, Rejection>),
    AnswerSchedule(Reply<ScheduleAnswer>, Result<ScheduleAnswer, Rejection>),
    AnswerWatch(Reply<Option<RunResult>>, Box<Result<Option<RunResult>, Rejection>>),
    AnswerReport(Reply<bool>, Result<bool, Rejection>),
    AnswerClock(Reply<Timestamp>, Timestamp),
    AnswerUpdate(Reply<UpdateState>, Box<Result<UpdateState, Rejection>>),
    /// An update was answered or turned down: tell who waits for it.
    UpdateEnded {
        run_id: RunId,
        workflow_id: Arc<str>,
        state: Box<UpdateState>,
    },
    /// An attempt is recorded as started: run it.
    Attempt {
        run_id: RunId,
        activity_id: u32,
    },
    /// The activity is no longer wanted.
    CancelAttempt {
        run_id: RunId,
        activity_id: u32,
    },
    /// The run is closed: tell who waits, and let it go.
    Closed(RunId, Box<RunResult>),
    Changed(Change),
    /// Wakes who watches.
    Announce(watch::Sender<()>),
    /// A span has ended.
    Span(Box<FinishedSpan>),
}
