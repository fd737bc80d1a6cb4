//! What a run waits for, as data and as one sentence.

use super::Awaiting;
use std::collections::BTreeMap;

use crate::kernel::{ActivityState, PendingActivity, PendingChild, Run};
use crate::sdk::Awaited;
use crate::{HeldBy, RunStatus, Timestamp};

/// Everything that the run waits for.
pub(super) fn awaiting(run: &Run, awaited: &Awaited) -> Vec<Awaiting> {
    if run.status.is_closed() {
        return Vec::new();
    }
    let item = |kind: &str, name: String, since| Awaiting { kind: kind.to_owned(), name, since };
    let delay = run.delayed_until.map(|at| item("start_delay", at.to_string(), run.started_at));
    let task = run
        .task_failure
        .as_ref()
        .map(|failure| item("task_retry", failure.kind.name().to_owned(), failure.at));
    let activities = run.activities.values().map(|activity| {
        let kind = match activity.state {
            ActivityState::HandedOver(_) => "completion",
            _ => "activity",
        };
        item(kind, activity.activity_type.to_string(), activity.scheduled_at)
    });
    let timers =
        run.timers.iter().map(|(id, timer)| item("timer", id.to_string(), timer.started_at));
    let children = run
        .children
        .values()
        .map(|child| item("child", child.workflow_id.clone(), child.initiated_at));
    let requests = run
        .requests
        .values()
        .map(|request| item("request", request.workflow_id.clone(), request.requested_at));
    let signals =
        awaited.signals.iter().map(|(name, &since)| item("signal", name.to_string(), since));
    let updates =
        awaited.updates.iter().map(|(name, &since)| item("update", name.to_string(), since));
    let from_outside = signals.chain(updates).chain(children).chain(requests);
    delay.into_iter().chain(task).chain(activities).chain(timers).chain(from_outside).collect()
}

/// One sentence for people.
pub(super) fn sentence(
    run: &Run,
    awaited: &Awaited,
    held: &BTreeMap<u32, HeldBy>,
    registered: bool,
    now: Timestamp,
) -> String {
    if run.status.is_closed() {
        return format!("nothing: the run is {}", closed_word(run.status));
    }
    if run.status == RunStatus::Paused {
        return "being resumed: it is paused, and what happens meanwhile is kept".into();
    }
    if !registered {
        let name = &run.started.workflow_type;
        return match &*run.started.version {
            "" => format!("a worker that registers workflow type `{name}`: this server has none"),
            version => format!(
                "a worker that registers version `{version}` of workflow type `{name}`: this \
                 server has none"
            ),
        };
    }
    if let Some(failure) = &run.task_failure {
        let what = match failure.kind.name() {
            "panic" => "a build that does not panic here",
            "non_determinism" => "a build that takes the recorded way",
            "payload_too_large" => "a build that keeps its memo and attributes small, or a limit",
            "unregistered" => "a build that registers its type",
            _ => "a build that waits for something durable",
        };
        return format!("{what}; the code is tried again by itself");
    }
    if let Some(at) = run.delayed_until {
        return format!("the end of its start delay, in {}", span(at.millis_since(now)));
    }
    let mut parts: Vec<String> = Vec::new();
    // What is in trouble comes first.
    let mut activities: Vec<(u32, &PendingActivity)> =
        run.activities.iter().map(|(id, activity)| (*id, &**activity)).collect();
    activities.sort_by_key(|(_, activity)| std::cmp::Reverse(activity.attempt));
    let first = activities.iter().take(2);
    parts.extend(first.map(|(id, activity)| activity_part(activity, held.get(id), now)));
    if activities.len() > 2 {
        parts.push(format!("{} more activities", activities.len() - 2));
    }
    let mut children = run.children.values();
    parts.extend(children.by_ref().take(2).map(|child| child_part(child)));
    if children.len() > 0 {
        parts.push(format!("{} more children", children.len()));
    }
    if let Some(request) = run.requests.values().next() {
        parts.push(format!("workflow `{}` to take a request", request.workflow_id));
    }
    parts.extend(awaited.signals.keys().take(2).map(|name| format!("signal `{name}`")));
    parts.extend(awaited.updates.keys().take(2).map(|name| format!("update `{name}`")));
    let mut timers: Vec<Timestamp> = run.timers.values().map(|timer| timer.fires_at).collect();
    timers.sort_unstable();
    if let Some(first) = timers.first() {
        let more = match timers.len() {
            1 => String::new(),
            count => format!(" (the first of {count})"),
        };
        parts.push(format!("a timer that fires in {}{more}", span(first.millis_since(now))));
    }
    match parts.is_empty() {
        true => "its next step".into(),
        false => parts.join(", or "),
    }
}

fn activity_part(activity: &PendingActivity, held: Option<&HeldBy>, now: Timestamp) -> String {
    let name = &activity.activity_type;
    let what = if activity.inline { "step" } else { "activity" };
    let of = match activity.options().retry.max_attempts {
        Some(limit) => format!(" of {limit}"),
        None => String::new(),
    };
    if let Some(HeldBy { queue, reason, .. }) = held {
        return format!("{what} `{name}`, which task queue `{queue}` holds back: {reason}");
    }
    match activity.state {
        ActivityState::HandedOver(at) => {
            let asked = match activity.cancel_requested_at {
                Some(_) => " (it was asked to cancel)",
                None => "",
            };
            let since = span(now.millis_since(at));
            format!("{what} `{name}` to be completed from outside, for {since}{asked}")
        }
        _ if activity.cancel_requested_at.is_some() => {
            format!("{what} `{name}` to end: it was cancelled")
        }
        ActivityState::Scheduled => format!("{what} `{name}` to start"),
        ActivityState::Started(at) if activity.attempt == 1 => {
            format!("{what} `{name}`, running for {}", span(now.millis_since(at)))
        }
        ActivityState::Started(_) => format!("{what} `{name}`, attempt {}{of}", activity.attempt),
        ActivityState::BackingOff(at) => {
            let next = activity.attempt + 1;
            format!("{what} `{name}`, attempt {next}{of} in {}", span(at.millis_since(now)))
        }
    }
}

fn child_part(child: &PendingChild) -> String {
    let id = &child.workflow_id;
    match child.run_id {
        _ if child.cancel_requested => format!("child workflow `{id}` to end: it was cancelled"),
        None if child.detached => format!("workflow `{id}` to be started"),
        None => format!("child workflow `{id}` to be started"),
        Some(_) => format!("child workflow `{id}`"),
    }
}

const fn closed_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::TimedOut => "timed out",
        RunStatus::ContinuedAsNew => "continued as a new run",
        other => other.name(),
    }
}

/// A length of time in its two largest units.
fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let mut parts = Vec::new();
    let mut rest = ms;
    for (unit, name) in UNITS {
        if rest >= unit && parts.len() < 2 {
            parts.push(format!("{} {name}", rest / unit));
        }
        rest %= unit;
    }
    match parts.is_empty() {
        true => format!("{ms} ms"),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_show_two_units() {
        assert_eq!(span(32_000), "32 s");
        assert_eq!(span(90_061_000), "1 d 1 h");
        assert_eq!(span(12), "12 ms");
        assert_eq!(span(3_600_000), "1 h");
    }
}
