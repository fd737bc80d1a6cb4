//! Where a run stands, in one sentence: what it waits for, since when, what unblocks it; or how it
//! ended.

use std::cmp::Reverse;

use everstep_engine::kernel::{TaskFailure, TaskFailureKind};
use everstep_engine::{PendingActivityView, RunDescription, RunStatus, Timestamp, UpdateStatus};
use maud::{Markup, html};

use super::icons;
use super::payload;
use super::times;
use super::tone::Tone;

/// How an open run is shown: finer than its status.
pub(super) fn tone(run: &RunDescription) -> Tone {
    if run.status != RunStatus::Running {
        return run.status.into();
    }
    if run.task_failure.is_some() {
        return Tone::Stuck;
    }
    if run.pending_activities.iter().any(|activity| activity.last_failure.is_some()) {
        return Tone::Retrying;
    }
    let active = |activity: &PendingActivityView| {
        !matches!(activity.state.as_str(), "backing_off" | "handed_over")
    };
    if run.pending_activities.iter().any(active) || run.awaiting.is_empty() {
        return Tone::Running;
    }
    Tone::Waiting
}

/// The run's pill.
pub(super) fn pill(run: &RunDescription) -> Markup {
    tone(run).pill()
}

/// What the open run waits for, as the engine says it, with times that move on.
pub(super) fn waits_for(run: &RunDescription, now: Timestamp) -> Markup {
    // What needs no times is the engine's sentence as it is.
    let plain = run.task_failure.is_some()
        || run.status == RunStatus::Paused
        || (run.pending_activities.is_empty()
            && run.pending_timers.is_empty()
            && !run.awaiting.iter().any(|item| item.kind == "start_delay"));
    if plain || run.waiting_for.starts_with("a worker that") {
        return code_spans(&run.waiting_for);
    }
    let mut parts = Vec::new();
    if let Some(delay) = run.awaiting.iter().find(|item| item.kind == "start_delay") {
        let end = delay.name.parse().unwrap_or(run.started_at);
        return html! { "the end of its start delay, " (times::until(end, now)) };
    }
    for activity in in_trouble_first(run).into_iter().take(2) {
        parts.push(activity_part(activity, now));
    }
    if run.pending_activities.len() > 2 {
        let more = run.pending_activities.len() - 2;
        parts.push(html! { (more) " more " @if more == 1 { "activity" } @else { "activities" } });
    }
    for kind in ["signal", "update"] {
        for item in run.awaiting.iter().filter(|item| item.kind == kind).take(2) {
            parts.push(html! { (kind) " " code { (item.name) } });
        }
    }
    for item in run.awaiting.iter().filter(|item| item.kind == "child").take(2) {
        let address = super::url::workflow(&item.name);
        parts.push(html! { "child workflow " a href=(address) { code { (item.name) } } });
    }
    if run.pending_children.len() > 2 {
        parts.push(html! { (run.pending_children.len() - 2) " more children" });
    }
    if let Some(first) = run.pending_timers.iter().map(|timer| timer.fires_at).min() {
        let count = run.pending_timers.len();
        parts.push(html! {
            "a timer that fires " (times::until(first, now))
            @if count > 1 { " (the first of " (count) ")" }
        });
    }
    html! { @for (at, part) in parts.iter().enumerate() { @if at > 0 { ", or " } (part) } }
}

fn in_trouble_first(run: &RunDescription) -> Vec<&PendingActivityView> {
    let mut activities: Vec<_> = run.pending_activities.iter().collect();
    activities.sort_by_key(|activity| Reverse((activity.last_failure.is_some(), activity.attempt)));
    activities
}

fn attempt(activity: &PendingActivityView) -> Markup {
    html! {
        "attempt " (activity.attempt)
        @if let Some(limit) = activity.max_attempts { " of " (limit) }
    }
}

fn activity_part(activity: &PendingActivityView, now: Timestamp) -> Markup {
    html! {
        "activity " code { (activity.activity_type) }
        @match (activity.state.as_str(), activity.next_attempt_at) {
            _ if let Some(held) = &activity.held_by => {
                ", which task queue "
                a href=(super::url::QUEUES) { code { (held.queue) } }
                " holds back: " (held.reason)
            }
            ("backing_off", Some(next)) => {
                ", " (attempt(activity)) " " span.countdown { (times::until(next, now)) }
            }
            ("handed_over", _) => {
                " to be completed from outside, for "
                (times::since(activity.started_at.unwrap_or(activity.scheduled_at), now))
            }
            ("cancel_requested", _) if activity.task_token.is_some() => {
                " to be completed from outside: it was asked to cancel"
            }
            ("cancel_requested", _) => " to end: it was cancelled",
            ("scheduled", _) => " to start",
            _ if activity.attempt > 1 => { ", " (attempt(activity)) " runs now" }
            _ => { ", running for " (times::since(activity.scheduled_at, now)) }
        }
    }
}

/// Turns `` `name` `` into code.
fn code_spans(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The card on top of the run's page. `reason` is the one given when it was terminated.
pub(super) fn card(run: &RunDescription, reason: Option<&str>, now: Timestamp) -> Markup {
    let tone = tone(run);
    let body = match &run.task_failure {
        _ if run.status.is_closed() => ended(run, reason),
        Some(failure) if run.status != RunStatus::Paused => stuck(failure, now),
        _ => open(run, now),
    };
    let role = if tone == Tone::Stuck { "alert" } else { "status" };
    html! { section class={ "verdict " (tone.class()) } role=(role) aria-label="State" { (body) } }
}

fn lead(tone: Tone, sentence: &Markup) -> Markup {
    html! { p.lead { (icons::glyph(tone)) span #verdict { (sentence) } } }
}

fn open(run: &RunDescription, now: Timestamp) -> Markup {
    let since = run.awaiting.iter().map(|item| item.since).min();
    let signals: Vec<_> =
        run.awaiting.iter().filter(|item| item.kind == "signal").map(|item| &item.name).collect();
    let troubled =
        in_trouble_first(run).into_iter().find(|activity| activity.last_failure.is_some());
    let sentence = html! {
        @if run.cancel_requested { "Asked to cancel; ends after " } @else { "Waits for " }
        (waits_for(run, now))
    };
    html! {
        (lead(tone(run), &sentence))
        dl.facts-list {
            @if let Some(activity) = troubled {
                @if let Some(failure) = &activity.last_failure {
                    dt { "Last error" }
                    dd.error { code { (failure.kind) } " " (payload::one_line(&failure.message, 400)) }
                }
                @if let Some(next) = activity.next_attempt_at {
                    dt { "Next attempt" }
                    dd { (times::full(next)) ", " (attempt(activity)) }
                }
            }
            @if !run.pending_updates.is_empty() {
                dt { "Callers" }
                dd {
                    @for (at, update) in run.pending_updates.iter().take(5).enumerate() {
                        @if at > 0 { ", " }
                        "update " code { (update.name) }
                        @match update.status {
                            UpdateStatus::Accepted => " taken ",
                            _ => " waits to be taken since ",
                        }
                        (times::ago(update.since, now))
                    }
                    @if run.pending_updates.len() > 5 { " and " (run.pending_updates.len() - 5) " more" }
                }
            }
            @for activity in in_trouble_first(run).into_iter().take(2) {
                @if let (Some(details), Some(at)) = (&activity.last_heartbeat, activity.last_heartbeat_at) {
                    dt { "Last heartbeat" }
                    dd { code { (payload::preview(details, 200)) } " " (times::ago(at, now)) }
                }
                @if let Some(token) = &activity.task_token {
                    dt { "Task token" }
                    dd.mono { (token) }
                }
            }
            @if let Some(since) = since {
                dt { "Since" }
                dd { (times::ago(since, now)) span.muted { " · " (times::full(since)) } }
            }
            @if !signals.is_empty() {
                dt { "Unblocked by" }
                dd {
                    "signal " @for (at, name) in signals.iter().enumerate() {
                        @if at > 0 { ", " } code { (name) }
                    }
                    @if let Some(first) = run.pending_timers.iter().map(|timer| timer.fires_at).min() {
                        ", or by itself at " (times::full(first))
                    }
                }
            } @else if let Some(activity) = troubled {
                dt { "Unblocked by" }
                dd {
                    "an attempt that succeeds"
                    @match activity.max_attempts {
                        Some(limit) => { "; after attempt " (limit) " the failure goes to the workflow" }
                        None => "; attempts go on without a limit",
                    }
                }
            } @else if let Some(first) = run.pending_timers.iter().map(|timer| timer.fires_at).min() {
                dt { "Fires at" }
                dd { (times::full(first)) }
            }
        }
    }
}

fn stuck(failure: &TaskFailure, now: Timestamp) -> Markup {
    let (what, remedy) = match failure.kind {
        TaskFailureKind::Panic => (
            "the workflow's code panicked",
            "Start a build that does not panic here. The run goes on from its history by itself.",
        ),
        TaskFailureKind::NonDeterminism => (
            "the workflow's code no longer follows its history",
            "Start a build that takes the recorded way. The run goes on from its history by itself.",
        ),
        TaskFailureKind::NotDurable => (
            "the workflow's code waits for something that nothing durable can wake",
            "Start a build that awaits only what its context gives it.",
        ),
        TaskFailureKind::Unregistered => (
            "no worker of this server registers the workflow's type or its version",
            "Start a build that knows both. The run goes on from its history by itself.",
        ),
        TaskFailureKind::PayloadTooLarge => (
            "the workflow's code made the memo or the search attributes too large",
            "Start a build that keeps them small, or raise the limit. The run goes on from its \
             history by itself.",
        ),
    };
    let rows = [
        ("Recorded", failure.recorded.as_deref()),
        ("Asked for", failure.asked.as_deref()),
        ("At", failure.location.as_deref()),
    ];
    html! {
        (lead(Tone::Stuck, &html! { "Stuck " (times::since(failure.at, now)) ": " (what) }))
        dl.facts-list {
            dt { "Message" }
            dd.error { (payload::one_line(&failure.message, 1_000)) }
            @for (name, value) in rows {
                @if let Some(value) = value { dt { (name) } dd { code { (value) } } }
            }
            @if let Some(event) = failure.event_id { dt { "Event" } dd { "#" (event) } }
            dt { "Since" }
            dd { (times::ago(failure.at, now)) span.muted { " · " (times::full(failure.at)) } }
            dt { "Unblocked by" }
            dd { (remedy) }
        }
    }
}

fn ended(run: &RunDescription, reason: Option<&str>) -> Markup {
    let tone = tone(run);
    let took = run.closed_at.map(|at| times::duration(at.millis_since(run.started_at)));
    let after = html! { @if let Some(took) = took { " after " (took) } };
    let sentence = match run.status {
        RunStatus::Completed => html! { "Completed" (after) },
        RunStatus::Failed => html! {
            "Failed" (after)
            @if let Some(failure) = &run.failure {
                ": " code { (failure.kind) } " " (payload::one_line(&failure.message, 300))
            }
        },
        RunStatus::Cancelled => html! { "Cancelled" (after) ", in its own way" },
        RunStatus::Terminated => html! {
            "Terminated" (after) @if let Some(reason) = reason { ": " (payload::one_line(reason, 300)) }
        },
        RunStatus::TimedOut => html! { "Timed out" (after) },
        _ => html! { "Continued as a new run" (after) },
    };
    lead(tone, &sentence)
}
