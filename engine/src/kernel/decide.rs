//! Whether a command is granted, and as which events.

use super::retry::mix;
use super::{ActivityState, Command, HistoryEvent, PendingActivity, Run, RunStatus};
use crate::{Failure, Rejection, Timestamp};

/// Decides a command at the instant `now`. No events and no error: the command came too late to
/// matter (an attempt that timed out reports, a timer fires that was cancelled).
///
/// # Errors
/// [`Rejection::WorkflowClosed`] for a command from outside to a closed run.
pub fn decide(run: &Run, command: Command, now: Timestamp) -> Result<Vec<HistoryEvent>, Rejection> {
    use HistoryEvent as E;
    if run.status.is_closed() {
        return match command {
            Command::Signal { .. }
            | Command::RequestCancel
            | Command::Terminate { .. }
            | Command::Pause { .. }
            | Command::Resume => Err(closed(run)),
            _ => Ok(Vec::new()),
        };
    }
    let events = match command {
        Command::ElapseStartDelay => match run.delayed_until {
            Some(_) => vec![E::StartDelayElapsed],
            None => Vec::new(),
        },
        Command::ScheduleActivity { activity_id, activity_type, input, options, inline } => {
            vec![E::ActivityScheduled { activity_id, activity_type, input, options, inline }]
        }
        Command::CompleteActivity { activity_id, attempt, result } => {
            match running(run, activity_id, attempt) {
                Some(_) => vec![E::ActivityCompleted { activity_id, result }],
                None => Vec::new(),
            }
        }
        Command::FailActivity { activity_id, attempt, failure } => {
            match running(run, activity_id, attempt) {
                Some(activity) => {
                    vec![fail_attempt(run, activity_id, activity, failure, now)]
                }
                None => Vec::new(),
            }
        }
        Command::RetryActivity { activity_id } => match run.activities.get(&activity_id) {
            // What is due while the run is paused starts when it is resumed.
            Some(activity)
                if run.status != RunStatus::Paused
                    && !activity.cancel_requested
                    && !matches!(activity.state, ActivityState::Started(_)) =>
            {
                vec![E::ActivityStarted { activity_id, attempt: activity.attempt + 1 }]
            }
            _ => Vec::new(),
        },
        Command::CancelActivity { activity_id } => match run.activities.get(&activity_id) {
            Some(activity) if !activity.cancel_requested => {
                vec![E::ActivityCancelRequested { activity_id }]
            }
            _ => Vec::new(),
        },
        Command::AcknowledgeCancel { activity_id } => match run.activities.get(&activity_id) {
            Some(activity) if activity.cancel_requested => {
                vec![E::ActivityCancelled { activity_id }]
            }
            _ => Vec::new(),
        },
        Command::StartTimer { timer_id, fires_at } => vec![E::TimerStarted { timer_id, fires_at }],
        Command::FireTimer { timer_id } => match run.timers.contains_key(&timer_id) {
            true => vec![E::TimerFired { timer_id }],
            false => Vec::new(),
        },
        Command::CancelTimer { timer_id } => match run.timers.contains_key(&timer_id) {
            true => vec![E::TimerCancelled { timer_id }],
            false => Vec::new(),
        },
        Command::Signal { name, payload } => vec![E::SignalReceived { name, payload }],
        // Asking twice changes nothing, and a retry of the request must not fail.
        Command::RequestCancel => match run.cancel_requested {
            true => Vec::new(),
            // Code that has not run has nothing to clean up.
            false if run.delayed_until.is_some() => {
                vec![E::WorkflowCancelRequested, E::WorkflowCancelled]
            }
            false => vec![E::WorkflowCancelRequested],
        },
        Command::Complete { result } => vec![E::WorkflowCompleted { result }],
        Command::Fail { failure } => vec![E::WorkflowFailed { failure }],
        Command::Cancel => vec![E::WorkflowCancelled],
        Command::Terminate { reason } => vec![E::WorkflowTerminated { reason }],
        Command::TimeOut => vec![E::WorkflowTimedOut],
        // The same failure again is no news: a history must not grow with every try.
        Command::FailTask(failure) => match &run.task_failure {
            Some(known) if known.kind == failure.kind && known.message == failure.message => {
                Vec::new()
            }
            _ => vec![E::WorkflowTaskFailed(failure)],
        },
        Command::AcceptUpdate(update) => vec![E::UpdateAccepted(update)],
        Command::CompleteUpdate(update) => match run.updates.contains_key(&update.update_id) {
            true => vec![E::UpdateCompleted(update)],
            false => Vec::new(),
        },
        Command::RecoverTask => match run.task_failure {
            Some(_) => vec![E::WorkflowTaskRecovered],
            None => Vec::new(),
        },
        // Asking twice changes nothing, as with cancellation.
        Command::Pause { reason } => match run.status {
            RunStatus::Paused => Vec::new(),
            _ => vec![E::WorkflowPaused { reason }],
        },
        Command::Resume => match run.status {
            RunStatus::Paused => vec![E::WorkflowResumed],
            _ => Vec::new(),
        },
        Command::InitiateChild { child_id, start } => {
            vec![E::ChildWorkflowStartInitiated { child_id, start }]
        }
        Command::ContinueAsNew { new_run_id, input } => {
            vec![E::WorkflowContinuedAsNew { new_run_id, input }]
        }
        Command::CancelChild { child_id } => match run.children.get(&child_id) {
            Some(child) if !child.cancel_requested => {
                vec![E::ChildWorkflowCancelRequested { child_id }]
            }
            _ => Vec::new(),
        },
        Command::RequestExternal { request_id, request } => {
            vec![E::ExternalRequested { request_id, request }]
        }
        Command::TakeAnswer(answer) => answers::decide(run, *answer).into_iter().collect(),
        Command::MarkPatch { patch_id, deprecated } => match run.patches.contains_key(&patch_id) {
            true => Vec::new(),
            false => vec![E::PatchMarked { patch_id, deprecated }],
        },
    };
    Ok(events)
}

fn closed(run: &Run) -> Rejection {
    Rejection::WorkflowClosed(run.started.workflow_id.clone(), run.status.to_string())
}

/// The activity, if it is this attempt that runs: a late result of another one finds nothing.
fn running(run: &Run, activity_id: u32, attempt: u32) -> Option<&PendingActivity> {
    let activity = run.activities.get(&activity_id)?;
    let runs = matches!(activity.state, ActivityState::Started(_)) && activity.attempt == attempt;
    runs.then_some(&**activity)
}

fn fail_attempt(
    run: &Run,
    activity_id: u32,
    activity: &PendingActivity,
    mut failure: Failure,
    now: Timestamp,
) -> HistoryEvent {
    let attempt = activity.attempt;
    let policy = &activity.options().retry;
    let retries = !failure.non_retryable
        && !activity.cancel_requested
        && policy.max_attempts.is_none_or(|limit| attempt < limit)
        && !policy.non_retryable.contains(&failure.kind);
    let entropy = mix(run.started.run_id.as_u128() as u64) ^ u64::from(activity_id) << 32;
    // The first process that dies under an activity is an accident: go on at once. From then on a
    // lost attempt waits as a failed one does, so that it cannot take down one process after another.
    let lost_first = failure.kind == LOST && attempt <= 3;
    let pause_ms =
        if lost_first { 0 } else { policy.pause_ms(attempt, entropy ^ u64::from(attempt)) };
    let retry_at = retries.then(|| now.plus_millis(pause_ms));
    if retry_at.is_none() {
        failure.attempts = Some(attempt);
    }
    HistoryEvent::ActivityFailed { activity_id, attempt, failure, retry_at }
}

/// The failure type of an attempt whose process ended.
pub(crate) const LOST: &str = "lost";

mod answers;
#[cfg(test)]
mod tests;
