//! A recorded run as a test: today's code takes the way that it took, to the same end.

use crate::kernel::{HistoryEvent, TaskFailure};
use crate::runtime::{code_of, replay_with};
use crate::sdk::Foresight;
use crate::{ExportedRun, Worker};

/// How today's code differs from a recorded run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The run does not begin with its start.
    #[error("run `{0}` does not begin with its start")]
    NoStart(String),
    /// The worker has no code for it.
    #[error("{0}")]
    Unregistered(String),
    /// The code asks for something else.
    #[error("run `{workflow_id}`: {}{}{}", failure.message, at(failure), caveat(*redacted))]
    Diverged {
        /// Which workflow.
        workflow_id: String,
        /// Where they part.
        failure: Box<TaskFailure>,
        /// Whether values were taken out of the history.
        redacted: bool,
    },
    /// The code goes the same way and ends with something else.
    #[error(
        "run `{workflow_id}` ended with {recorded}, the code ends with {now}{}",
        caveat(*redacted)
    )]
    EndedOtherwise {
        /// Which workflow.
        workflow_id: String,
        /// What the history says.
        recorded: String,
        /// What the code says.
        now: String,
        /// Whether values were taken out of the history.
        redacted: bool,
    },
}

fn at(failure: &TaskFailure) -> String {
    failure.location.as_ref().map_or(String::new(), |location| format!(" (at {location})"))
}

const fn caveat(redacted: bool) -> &'static str {
    if redacted {
        "; values were taken out of this history, which alone may explain it"
    } else {
        ""
    }
}

/// Replays a recorded run against a worker's code, without running anything: every command in the
/// recorded order, nothing beyond them, and the same result or failure in the end.
///
/// # Errors
/// Where and how they differ.
pub fn replay(worker: &Worker, run: &ExportedRun) -> Result<(), ReplayError> {
    let workflow_id = || run.workflow_id.clone();
    let entry = match code_of(worker, &run.events) {
        None => return Err(ReplayError::NoStart(workflow_id())),
        Some(code) => code.map_err(ReplayError::Unregistered)?,
    };
    let report = replay_with(entry, &run.events, Foresight::of(&run.events), true);
    let report = report.ok_or_else(|| ReplayError::NoStart(workflow_id()))?;
    let redacted = run.redacted;
    if let Some(failure) = report.failure {
        let failure = Box::new(failure);
        return Err(ReplayError::Diverged { workflow_id: workflow_id(), failure, redacted });
    }
    // Of a redacted run the end is only a shape.
    if report.ended_otherwise && !redacted {
        let recorded = match run.events.last().map(|last| &last.event) {
            Some(HistoryEvent::WorkflowCompleted { result }) => format!("result {result}"),
            Some(HistoryEvent::WorkflowFailed { failure }) => format!("failure {failure:?}"),
            _ => "another end".to_owned(),
        };
        let now = match report.ended {
            Some(Ok(result)) => format!("result {result}"),
            Some(Err(failure)) => format!("failure {failure:?}"),
            None => "nothing".to_owned(),
        };
        let workflow_id = workflow_id();
        return Err(ReplayError::EndedOtherwise { workflow_id, recorded, now, redacted });
    }
    Ok(())
}
