//! Whether a command is granted, and as which events.

use super::retry::mix;
use super::{
    ActivityState, ActivityTimeout, Command, HistoryEvent, PendingActivity, Run, RunStatus,
};
use crate::{Failure, Payload, Rejection, Timestamp};

/// Decides a command at the instant `now`. No events and no error: the command came too late to
/// matter (a timer fires that was cancelled). The outcome of an attempt that came too late is
/// recorded as late and changes nothing.
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
            match run.running_attempt(activity_id, attempt) {
                Some(_) => vec![E::ActivityCompleted { activity_id, result }],
                None => vec![E::ActivityResultLate { activity_id, attempt, outcome: Ok(result) }],
            }
        }
        Command::FailActivity { activity_id, attempt, failure } => {
            match run.running_attempt(activity_id, attempt) {
                Some(activity) => {
                    vec![fail_attempt(run, activity_id, activity, failure, now)]
                }
                None => vec![E::ActivityResultLate { activity_id, attempt, outcome: Err(failure) }],
            }
        }
        Command::HandOverActivity { activity_id, attempt } => {
            match run.running_attempt(activity_id, attempt).map(|activity| activity.state) {
                Some(ActivityState::Started(_)) => {
                    vec![E::ActivityHandedOver { activity_id, attempt }]
                }
                _ => Vec::new(),
            }
        }
        Command::TimeOutActivity { activity_id, timeout, last_heartbeat } => {
            match run.activities.get(&activity_id) {
                Some(activity) => {
                    let failure = timed_out(activity, timeout, last_heartbeat.as_ref());
                    vec![fail_attempt(run, activity_id, activity, failure, now)]
                }
                None => Vec::new(),
            }
        }
        Command::RefuseActivity { activity_id, failure } => {
            match run.activities.get(&activity_id) {
                Some(activity) => {
                    let failure = failure.non_retryable();
                    vec![fail_attempt(run, activity_id, activity, failure, now)]
                }
                None => Vec::new(),
            }
        }
        Command::RetryActivity { activity_id } => match run.activities.get(&activity_id) {
            // What is due while the run is paused starts when it is resumed.
            Some(activity)
                if run.status != RunStatus::Paused
                    && activity.cancel_requested_at.is_none()
                    && !activity.is_running() =>
            {
                vec![E::ActivityStarted { activity_id, attempt: activity.attempt + 1 }]
            }
            _ => Vec::new(),
        },
        Command::CancelActivity { activity_id } => match run.activities.get(&activity_id) {
            Some(activity) if activity.cancel_requested_at.is_none() => {
                vec![E::ActivityCancelRequested { activity_id }]
            }
            _ => Vec::new(),
        },
        Command::AcknowledgeCancel { activity_id } => match run.has_withdrawn(activity_id) {
            true => vec![E::ActivityCancelled { activity_id, abandoned: false }],
            false => Vec::new(),
        },
        Command::AbandonActivity { activity_id } => match run.has_withdrawn(activity_id) {
            true => vec![E::ActivityCancelled { activity_id, abandoned: true }],
            false => Vec::new(),
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
        Command::TakeAnswer { answer, asked_by } => {
            answers::decide(run, *answer, asked_by).into_iter().collect()
        }
        Command::MarkPatch { patch_id, deprecated } => match run.patches.contains_key(&patch_id) {
            true => Vec::new(),
            false => vec![E::PatchMarked { patch_id, deprecated }],
        },
        Command::UpsertSearchAttributes { attributes } => {
            vec![E::SearchAttributesUpserted { attributes }]
        }
        Command::UpsertMemo { memo } => vec![E::MemoUpserted { memo }],
    };
    Ok(events)
}

fn closed(run: &Run) -> Rejection {
    Rejection::WorkflowClosed(run.started.workflow_id.clone(), run.status.to_string())
}

/// The failure that a timeout is.
fn timed_out(
    activity: &PendingActivity,
    timeout: ActivityTimeout,
    last_heartbeat: Option<&Payload>,
) -> Failure {
    let options = activity.options();
    let ms = |ms: Option<u64>| ms.unwrap_or_default();
    let attempt = activity.attempt;
    let message = match timeout {
        ActivityTimeout::StartToClose => {
            format!("attempt {attempt} took longer than {} ms", options.start_to_close_ms)
        }
        ActivityTimeout::Heartbeat => {
            format!("attempt {attempt} gave no heartbeat for {} ms", ms(options.heartbeat_ms))
        }
        ActivityTimeout::ScheduleToStart => {
            let waited = ms(options.schedule_to_start_ms);
            format!("attempt {} did not start within {waited} ms", attempt + 1)
        }
        ActivityTimeout::ScheduleToClose => {
            let limit = ms(options.schedule_to_close_ms);
            format!("the activity did not end within {limit} ms, in {attempt} attempts")
        }
    };
    let mut failure = Failure::new("timeout", message);
    failure.timeout = Some(timeout.name().into());
    failure.non_retryable = timeout.is_final();
    failure.details = last_heartbeat.and_then(|details| {
        Payload::parse(format!("{{\"last_heartbeat\":{}}}", details.as_str())).ok()
    });
    failure
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
        && activity.cancel_requested_at.is_none()
        && policy.max_attempts.is_none_or(|limit| attempt < limit)
        && !policy.non_retryable.contains(&failure.kind);
    let entropy = mix(run.started.run_id.as_u128() as u64) ^ u64::from(activity_id) << 32;
    // The first process that dies under an activity is an accident: go on at once. From then on a
    // lost attempt waits as a failed one does, so that it cannot take down one process after another.
    let lost_first = failure.kind == LOST && attempt <= 3;
    let pause_ms =
        if lost_first { 0 } else { policy.pause_ms(attempt, entropy ^ u64::from(attempt)) };
    let retry_at = now.plus_millis(pause_ms);
    // An attempt that would begin when the activity's time is over is not made.
    let in_time = activity.closes_by().is_none_or(|closes_by| retry_at < closes_by);
    let retry_at = (retries && in_time).then_some(retry_at);
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
