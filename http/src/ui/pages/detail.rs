//! One group in full: its events with what they carry, attempt by attempt.

use everstep_engine::kernel::{ActivityOptions, TaskFailure};
use everstep_engine::{
    Engine, EventView, HistoryEvent, Rejection, RunDescription, RunId, Selector,
};
use maud::{Markup, html};

use crate::ui::icons::Icon;
use crate::ui::journal::{Group, Subject};
use crate::ui::{payload, raw, times, url};

/// Events that are shown: of an activity that failed a thousand times the first and the last.
const FIRST: usize = 2;
const LAST: usize = 22;
/// Events between two that belong to the group, read along rather than asked for again.
const GAP: u64 = 500;

/// A group and its events.
#[derive(Debug)]
pub(super) struct Detail {
    group: Group,
    events: Vec<EventView>,
    skipped: usize,
}

impl Detail {
    /// Reads the group's events.
    pub(super) fn read(
        engine: &Engine,
        selector: &Selector,
        run_id: RunId,
        group: Group,
    ) -> Result<Self, Rejection> {
        let selector = Selector { run_id: Some(run_id), ..selector.clone() };
        let mut wanted = group.events.clone();
        let skipped = wanted.len().saturating_sub(FIRST + LAST);
        wanted.drain(FIRST.min(wanted.len())..FIRST.min(wanted.len()) + skipped);
        let mut events = Vec::with_capacity(wanted.len());
        for window in wanted.chunk_by(|before, after| after - before <= GAP) {
            let (Some(&first), Some(&last)) = (window.first(), window.last()) else { continue };
            // A page may end early: it is bounded in bytes.
            let mut next = Some(first);
            while let Some(from) = next.filter(|from| *from <= last) {
                let limit = usize::try_from(last - from + 1).unwrap_or(usize::MAX);
                let page = engine.history(&selector, from, limit)?;
                next = page.next_event_id;
                let own = page.events.into_iter().filter(|view| window.contains(&view.event_id));
                events.extend(own);
            }
        }
        Ok(Self { group, events, skipped })
    }

    /// The panel; `closed` is the address without it.
    pub(super) fn draw(&self, run: &RunDescription, closed: &str) -> Markup {
        let group = &self.group;
        html! {
            aside.card.detail #detail aria-label={ "Details of " (group.name) } data-key={ "detail-" (group.key) } {
                div.card-head {
                    (group.subject.icon().draw())
                    h2 { (group.name) }
                    @if let Some(other) = &group.other {
                        a.mono href=(url::workflow(other)) { (other) }
                    }
                    span.muted { "#" (group.key) }
                    @if group.subject != Subject::Signal && group.subject != Subject::Mark {
                        (group.tone.pill())
                    }
                    div.push {
                        a.icon-button href=(closed) data-nav data-close-detail aria-label="Close" title="Close (Esc)" {
                            (Icon::Close.draw())
                        }
                    }
                }
                ol.events {
                    @for (at, view) in self.events.iter().enumerate() {
                        @if at == FIRST && self.skipped > 0 {
                            li.older data-key="older" { (self.skipped) " more events" }
                        }
                        (event(run, view))
                    }
                }
            }
        }
    }
}

fn event(run: &RunDescription, view: &EventView) -> Markup {
    let recorded = &view.recorded;
    let name = recorded.event.name();
    html! {
        li data-key={ "e" (view.event_id) } data-v=(view.event_id) {
            div.event-head {
                span.no.num { "#" (view.event_id) }
                span.what title=(name) { (words(&recorded.event)) }
                (times::full(recorded.at))
            }
            (carried(run, view))
        }
    }
}

/// `activity_failed` → `Activity failed, attempt 3`.
fn words(event: &HistoryEvent) -> String {
    let mut text = event.name().replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match event {
        HistoryEvent::ActivityStarted { attempt, .. }
        | HistoryEvent::ActivityHandedOver { attempt, .. }
        | HistoryEvent::ActivityResultLate { attempt, .. }
        | HistoryEvent::ActivityFailed { attempt, .. } => format!("{text}, attempt {attempt}"),
        _ => text,
    }
}

fn carried(run: &RunDescription, view: &EventView) -> Markup {
    let address = {
        let path = format!("{}/payload", url::workflow(&run.workflow_id));
        let (run_id, event) = (run.run_id.to_string(), view.event_id.to_string());
        url::with_query(&path, [("run_id", run_id.as_str()), ("event", event.as_str())])
    };
    match &view.recorded.event {
        HistoryEvent::ActivityFailed { failure, retry_at, .. } => html! {
            (payload::failure(failure, &address))
            @if let Some(next) = retry_at {
                div.muted { "Next attempt " (times::full(*next)) }
            } @else {
                div.muted { "No further attempt" }
            }
        },
        HistoryEvent::ActivityHandedOver { .. } => html! {
            div.muted { "The attempt goes on outside until its task token is used." }
        },
        HistoryEvent::ActivityResultLate { outcome, .. } => html! {
            div.muted { "The attempt had ended before this came: the workflow never sees it." }
            @match outcome {
                Ok(result) => (payload::draw(result, &address)),
                Err(failure) => (payload::failure(failure, &address)),
            }
        },
        HistoryEvent::ActivityCancelled { abandoned: true, .. } => html! {
            div.muted { "Its attempt did not end in its grace and was given up." }
        },
        HistoryEvent::WorkflowFailed { failure }
        | HistoryEvent::ChildWorkflowStartFailed { failure, .. }
        | HistoryEvent::ChildWorkflowFailed { failure, .. }
        | HistoryEvent::ChildWorkflowTerminated { failure, .. }
        | HistoryEvent::ChildWorkflowTimedOut { failure, .. }
        | HistoryEvent::ExternalFailed { failure, .. } => payload::failure(failure, &address),
        HistoryEvent::ChildWorkflowStartInitiated { start, .. } => html! {
            (payload::draw(&start.input, &address))
            dl.attrs {
                dt { "Workflow" }
                dd { a.mono href=(url::workflow(&start.workflow_id)) { (start.workflow_id) } }
                dt { "When this one closes" }
                dd { @if start.detached { "it goes on: it was only started" } @else { (start.close_policy.name()) } }
            }
        },
        HistoryEvent::WorkflowContinuedAsNew { new_run_id, input } => html! {
            (payload::draw(input, &address))
            dl.attrs {
                dt { "New run" }
                dd { a.mono href=(url::run(&run.workflow_id, new_run_id)) { (new_run_id) } }
            }
        },
        HistoryEvent::UpdateCompleted(update) => html! {
            @match &update.outcome {
                Ok(result) => (payload::draw(result, &address)),
                Err(failure) => (payload::failure(failure, &address)),
            }
        },
        HistoryEvent::UpdateAccepted(update) => html! {
            (payload::draw(&update.payload, &address))
            dl.attrs { dt { "Update id" } dd { code { (update.update_id) } } }
        },
        HistoryEvent::ActivityScheduled { options, .. } => {
            const DEFAULT: &ActivityOptions = &ActivityOptions::DEFAULT;
            let options = options.as_deref().unwrap_or(DEFAULT);
            html! {
                @if let Some(input) = raw::of_event(&view.recorded.event).filter(|input| !input.is_null()) {
                    (payload::draw(input, &address))
                }
                dl.attrs {
                    dt { "Attempt timeout" } dd { (times::duration(options.start_to_close_ms)) }
                    @for (name, ms) in [
                        ("Heartbeat timeout", options.heartbeat_ms),
                        ("Limit of all attempts", options.schedule_to_close_ms),
                        ("Limit to start", options.schedule_to_start_ms),
                    ] {
                        @if let Some(ms) = ms { dt { (name) } dd { (times::duration(ms)) } }
                    }
                    dt { "Grace to cancel" } dd { (times::duration(options.cancel_grace_ms)) }
                    dt { "Attempts" }
                    dd {
                        @match options.retry.max_attempts {
                            Some(limit) => { "at most " (limit) },
                            None => "no limit",
                        }
                        ", pauses from " (times::duration(options.retry.initial_interval_ms))
                        " to " (times::duration(options.retry.max_interval_ms))
                    }
                }
            }
        }
        HistoryEvent::TimerStarted { fires_at, .. } => {
            html! { dl.attrs { dt { "Fires at" } dd { (times::full(*fires_at)) } } }
        }
        HistoryEvent::WorkflowTerminated { reason } | HistoryEvent::WorkflowPaused { reason } => {
            html! { dl.attrs { dt { "Reason" } dd { (reason) } } }
        }
        HistoryEvent::WorkflowReset { from_run_id, to_event_id, reason } => html! {
            dl.attrs {
                dt { "From" } dd { "event " (to_event_id) " of run " span.mono { (from_run_id) } }
                dt { "Reason" } dd { (reason) }
            }
        },
        HistoryEvent::WorkflowTaskFailed(failure) => task_failure(failure),
        other => html! {
            @if let Some(found) = raw::of_event(other) { (payload::draw(found, &address)) }
        },
    }
}

fn task_failure(failure: &TaskFailure) -> Markup {
    let rows = [
        ("Recorded", failure.recorded.as_deref()),
        ("Asked for", failure.asked.as_deref()),
        ("At", failure.location.as_deref()),
    ];
    html! {
        div.failure { (payload::one_line(&failure.message, 2_000)) }
        dl.attrs {
            @for (name, value) in rows {
                @if let Some(value) = value { dt { (name) } dd { code { (value) } } }
            }
        }
    }
}
