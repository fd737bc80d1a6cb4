//! `GET /ui/schedules/{id}`: one schedule: when it fires next, what it started, what is in its way.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{ScheduleDescription, ScheduleHealthState, ScheduledRun, Timestamp};
use maud::{Markup, html};

use super::run_actions::buttons;
use super::schedule_form::overlaps;
use super::schedules::{pill, when};
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::{region, version, versioned};
use crate::ui::tone::Tone;
use crate::ui::{live, payload, refusal, times, url};

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found =
        inspector.read(move |inspector| inspector.engine.schedule(&inspector.namespace, &id)).await;
    let schedule = match found {
        Ok(schedule) => schedule,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let now = viewer.now;
    let body = html! {
        header {
            div.head {
                (layout::drawer())
                nav.crumbs aria-label="Breadcrumb" {
                    a href=(url::SCHEDULES) { "Schedules" } span { "/" }
                    span { (schedule.action.workflow_type) }
                }
                span.push {}
                (layout::live_badge())
            }
            (region("schedule-head", &head(&schedule, now)))
        }
        (region("schedule-health", &health(&schedule)))
        (region("schedule-firings", &html! {
            div.pair { (next(&schedule, now)) (counters(&schedule)) }
            (runs(&schedule, now))
        }))
        (versioned("schedule-input", &schedule.action.input, &html! {
            section.card {
                div.card-head { h2 { "Input of every run" } }
                div.card-body { (payload::draw_inline(&schedule.action.input)) }
            }
        }))
    };
    Page {
        title: &schedule.id,
        section: Section::Schedules,
        topics: Some(live::SCHEDULES.into()),
        body,
    }
    .render(&viewer)
}

fn head(schedule: &ScheduleDescription, now: Timestamp) -> Markup {
    let runs = url::with_query(url::LIST, [("attr.schedule_id", schedule.id.as_str())]);
    html! {
        div.head {
            div.run-title {
                h1 tabindex="-1" { (schedule.id) }
                (pill(schedule.health.state))
            }
            span.push {}
            (forms(schedule))
        }
        dl.facts {
            div { dt { "Starts" } dd.mono { (schedule.action.workflow_type) } }
            div { dt { "When" } dd.mono { (when(&schedule.spec)) } }
            div { dt { "Overlap" } dd.mono { (schedule.overlap.name()) } }
            div { dt { "Catch-up window" } dd { (times::duration(schedule.catchup_window_ms)) } }
            @if let Some(jitter) = schedule.spec.jitter_ms {
                div { dt { "Jitter" } dd { "up to " (times::duration(jitter)) } }
            }
            @if let Some(remaining) = schedule.remaining {
                div { dt { "Remaining" } dd.num { (remaining) } }
            }
            @if let Some(note) = &schedule.note { div { dt { "Note" } dd { (note) } } }
            div { dt { "Created" } dd { (times::ago(schedule.created_at, now)) } }
            div { dt { "Runs" } dd { a href=(runs) { "all runs of this schedule" } } }
        }
    }
}

fn health(schedule: &ScheduleDescription) -> Markup {
    let health = &schedule.health;
    let bad = !matches!(
        health.state,
        ScheduleHealthState::Ok | ScheduleHealthState::Paused | ScheduleHealthState::Finished
    );
    html! {
        section.card aria-label="How it is" {
            div.card-body {
                p #health-message { span.why.bad[bad] { (health.message) } }
                @if let Some(workflow_id) = &health.blocked_by {
                    p {
                        "In its way: " a.mono href=(url::workflow(workflow_id)) { (workflow_id) }
                        ". Signal, cancel or terminate it there, or let firings run beside it with another overlap policy."
                    }
                }
                @if let Some(refusal) = &health.last_refusal {
                    p.muted { "Last refused: " (refusal) }
                }
                @if let Some(at) = health.last_missed_at {
                    p.muted { "Last missed: " (times::full(at)) }
                }
            }
        }
    }
}

fn next(schedule: &ScheduleDescription, now: Timestamp) -> Markup {
    html! {
        section.card {
            div.card-head { h2 { "Next firings" } }
            div.card-body {
                @if schedule.upcoming.is_empty() {
                    span.muted { "None" }
                } @else {
                    @if schedule.paused { p.muted { "Paused: these come only after a resume." } }
                    ol #next-firings {
                        @for firing in &schedule.upcoming {
                            li {
                                (times::full(firing.scheduled_at)) " "
                                span.muted { (times::until(firing.fires_at, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn counters(schedule: &ScheduleDescription) -> Markup {
    let counters = &schedule.counters;
    html! {
        section.card {
            div.card-head { h2 { "What became of its firings" } }
            div.card-body {
                dl.facts #counters {
                    @for (name, count) in [
                        ("Started", counters.started),
                        ("Skipped", counters.skipped),
                        ("Dropped", counters.dropped),
                        ("Missed", counters.missed),
                        ("Refused", counters.refused),
                        ("While paused", counters.paused_over),
                    ] {
                        div { dt { (name) } dd.num { (count) } }
                    }
                    div { dt { "Running" } dd.num { (schedule.running_count) } }
                    div { dt { "Waiting" } dd.num { (schedule.buffered) " of at most " (schedule.buffer_limit) } }
                    @if schedule.backfills > 0 { div { dt { "Backfills" } dd.num { (schedule.backfills) } } }
                }
            }
        }
    }
}

fn runs(schedule: &ScheduleDescription, now: Timestamp) -> Markup {
    html! {
        section.card {
            div.card-head { h2 { "Last runs" } }
            @if schedule.recent.is_empty() {
                div.card-body { span.muted { "None yet" } }
            } @else {
                table #recent {
                    thead {
                        tr {
                            th scope="col" { "Status" } th scope="col" { "Workflow" }
                            th scope="col" { "For" } th scope="col" { "Started" }
                            th.end scope="col" { "Duration" }
                        }
                    }
                    tbody { @for run in &schedule.recent { (line(run, now)) } }
                }
            }
        }
    }
}

fn line(run: &ScheduledRun, now: Timestamp) -> Markup {
    html! {
        tr data-key=(run.run_id) {
            td.status { (Tone::from(run.status).pill()) }
            td { a.row-link.mono href=(url::workflow(&run.workflow_id)) data-row { (payload::one_line(&run.workflow_id, 80)) } }
            td { (times::date(run.scheduled_at)) }
            td { (times::ago(run.started_at, now)) }
            td.end.num {
                @match run.closed_at {
                    Some(at) => (times::duration(at.millis_since(run.started_at))),
                    None => (times::since(run.started_at, now)),
                }
            }
        }
    }
}

/// Each form says what will follow and is its own confirmation.
fn forms(schedule: &ScheduleDescription) -> Markup {
    let address = |action: &str| format!("{}/{action}", url::schedule(&schedule.id));
    let note = html! {
        label.field {
            span { "Note, for whoever reads it" }
            input type="text" name="note" maxlength="500" autocomplete="off";
        }
    };
    // Under one id the button that paused it, which has the focus, would be kept as a form in use.
    let id = if schedule.paused { "paused-actions" } else { "actions" };
    html! {
        div.actions id=(id) data-hold data-v=(version(&(schedule.paused, schedule.overlap))) {
            details.action #action-trigger name="action" {
                summary.button { "Trigger" }
                form method="post" action=(address("trigger")) data-live {
                    h2 { "Fire once more, now?" }
                    p { "It does not count against a limit. If a run is open, the overlap policy decides: " (schedule.overlap.name()) "." }
                    (buttons(&html! { button.button.primary type="submit" { "Trigger now" } }))
                }
            }
            (backfill(&address("backfill")))
            a.button href=(address("edit")) { "Edit" }
            @if schedule.paused {
                details.action #action-resume name="action" {
                    summary.button { "Resume" }
                    form method="post" action=(address("resume")) data-live {
                        h2 { "Let the schedule go on?" }
                        p { "It goes on from now. Firings that came meanwhile are counted; a backfill makes them up." }
                        (note)
                        (buttons(&html! { button.button.primary type="submit" { "Resume the schedule" } }))
                    }
                }
            } @else {
                details.action #action-pause name="action" {
                    summary.button { "Pause" }
                    form method="post" action=(address("pause")) data-live {
                        h2 { "Pause the schedule?" }
                        p { "It starts nothing of its own until it is resumed. Runs that are open go on." }
                        (note)
                        (buttons(&html! { button.button.primary type="submit" { "Pause the schedule" } }))
                    }
                }
            }
            details.action #action-delete name="action" {
                summary.button.danger { "Delete" }
                form method="post" action=(address("delete")) {
                    h2 { "Delete the schedule for good?" }
                    p { "It fires no more. The runs that it started go on." }
                    (buttons(&html! { button.button.danger.primary type="submit" { "Delete the schedule" } }))
                }
            }
        }
    }
}

fn backfill(address: &str) -> Markup {
    let instant = |label: &str, name: &str| {
        html! {
            label.field {
                span { (label) }
                input type="text" name=(name) required placeholder="2026-01-31T12:00:00Z"
                    autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        details.action #action-backfill name="action" {
            summary.button { "Backfill" }
            form method="post" action=(address) data-live {
                h2 { "Make up firings of the past?" }
                p { "They run in order, also while the schedule is paused; what has run already does not run again." }
                (instant("From", "from"))
                (instant("To", "to"))
                (overlaps("When a run is still open", "", true))
                (buttons(&html! { button.button.primary type="submit" { "Make them up" } }))
            }
        }
    }
}
