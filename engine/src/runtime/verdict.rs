//! Whether code takes the way that a history says: a replay from beginning to end, without running
//! anything.
//!
//! Invariant: a verdict changes nothing and depends on nothing but the history and the code.

use crate::kernel::{HistoryEvent, Recorded, TaskFailure};
use crate::sdk::{Foresight, WorkflowEntry};
use crate::{Failure, Payload, Worker, WorkflowError};

use super::panics;
use super::replay::Replay;

/// What a replay of a recorded history found.
#[derive(Clone, Debug)]
pub struct ReplayReport {
    /// How many of the recorded commands the code asked for, in order.
    pub matched: usize,
    /// Where code and history part.
    pub failure: Option<TaskFailure>,
    /// The code's own result or failure, where the history says that it ended by itself.
    pub ended: Option<Result<Payload, Failure>>,
    /// Whether that is another result or failure than the recorded one.
    pub ended_otherwise: bool,
}

/// Replays a history (or a prefix of one that ends between two turns) against a worker's code,
/// without running anything. None when the history has no beginning or its type or version is not
/// registered.
pub fn replay_history(worker: &Worker, history: &[Recorded]) -> Option<ReplayReport> {
    let entry = code_of(worker, history)?.ok()?;
    replay_with(entry, history, Foresight::of(history), false)
}

/// The code that a history is replayed with; none when it has no beginning.
pub(crate) fn code_of<'a>(
    worker: &'a Worker,
    history: &[Recorded],
) -> Option<Result<&'a WorkflowEntry, String>> {
    let HistoryEvent::WorkflowStarted(started) = &history.first()?.event else { return None };
    Some(worker.registry().code_of(started).map_err(|unregistered| unregistered.to_string()))
}

/// Replays; where the history is `whole`, its end must be the end of what the code asks for, too.
pub(crate) fn replay_with(
    entry: &WorkflowEntry,
    history: &[Recorded],
    foresight: Foresight,
    whole: bool,
) -> Option<ReplayReport> {
    panics::install_hook();
    let (first, rest) = history.split_first()?;
    let mut replay = Replay::begin(first, Some(entry), foresight)?;
    for recorded in rest {
        if replay.failure.is_some() {
            break;
        }
        replay.next(recorded);
    }
    if whole && replay.failure.is_none() {
        replay.finish(history.last().map_or(first.at, |last| last.at));
    }
    let ended = replay.ended.map(|ended| match ended {
        Ok(result) => Ok(result),
        Err(WorkflowError::Failed(failure)) => Err(failure),
        Err(WorkflowError::Cancelled) => Err(Failure::new("cancelled", "cancelled")),
        Err(WorkflowError::ContinueAsNew(_)) => {
            Err(Failure::new("continued_as_new", "it continues as a new run"))
        }
    });
    let ended_otherwise = match (&ended, history.last().map(|last| &last.event)) {
        (Some(Ok(now)), Some(HistoryEvent::WorkflowCompleted { result })) => !same(now, result),
        (Some(Err(now)), Some(HistoryEvent::WorkflowFailed { failure })) => now != failure,
        _ => false,
    };
    Some(ReplayReport {
        matched: replay.matched,
        failure: replay.failure.map(|failure| *failure),
        ended,
        ended_otherwise,
    })
}

/// The same JSON value, however it is written.
fn same(left: &Payload, right: &Payload) -> bool {
    left == right
        || match (left.to::<serde_json::Value>(), right.to::<serde_json::Value>()) {
            (Ok(left), Ok(right)) => left == right,
            _ => false,
        }
}
