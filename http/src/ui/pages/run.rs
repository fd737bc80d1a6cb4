//! `GET /ui/workflows/{id}`: one run.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{
    EventView, HistoryEvent, Payload, Rejection, RunDescription, RunId, RunStatus, Timestamp,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::detail::Detail;
use super::history::{self, HistoryView};
use super::{operations, run_actions};
use crate::ui::icons::{self, Icon};
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::{region, versioned};
use crate::ui::tone::Tone;
use crate::ui::{live, payload, refusal, times, url, verdict};

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    pub(super) run_id: Option<String>,
    /// The event whose group is shown in detail.
    pub(super) event: Option<u64>,
    /// The page's first group.
    pub(super) from: Option<u64>,
    /// `newest` turns the history round.
    pub(super) order: Option<String>,
    /// `failed` or `pending`.
    pub(super) only: Option<String>,
}

/// All that the page shows.
struct RunView {
    run: RunDescription,
    reason: Option<String>,
    history: HistoryView,
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let wanted = asked.clone();
    let view = match inspector.read(move |inspector| read(inspector, &id, &wanted)).await {
        Ok(view) => view,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let (run, now) = (&view.run, viewer.now);
    let body = html! {
        header {
            div.head {
                (layout::drawer())
                nav.crumbs aria-label="Breadcrumb" {
                    a href=(url::LIST) data-back-to-list { "Workflows" } span { "/" } span { (run.workflow_type) }
                }
                span.push {}
                (layout::live_badge())
            }
            (region("run-head", &head(run, asked.event, now)))
        }
        (region("run-verdict", &verdict::card(run, view.reason.as_deref(), now)))
        (versioned("run-values", &(&run.input, &run.result, &run.failure, run.status), &values(run)))
        (timeline(run))
        (region("run-history", &history::section(&asked, run, &view.history)))
    };
    let topics = Some(live::topic_of(&run.workflow_id));
    Page { title: &run.workflow_id, section: Section::Workflows, topics, body }.render(&viewer)
}

fn read(inspector: &Inspector, id: &str, asked: &Asked) -> Result<RunView, Rejection> {
    let selector = inspector.selector(id, asked.run_id.as_deref())?;
    let run = inspector.engine.describe(&selector)?;
    let engine = &inspector.engine;
    let (mut history, group) =
        inspector.journals.with(engine, &selector, run.run_id, |journal| {
            let chosen = asked.event.and_then(|event| journal.group_of(event));
            (HistoryView::of(journal, asked), chosen.cloned())
        })?;
    if let Some(group) = group {
        history.detail = Some(Detail::read(engine, &selector, run.run_id, group)?);
    }
    let reason = match run.status {
        RunStatus::Terminated => {
            last_event(inspector, id, &run)?.and_then(|view| match view.recorded.event {
                HistoryEvent::WorkflowTerminated { reason } => Some(reason),
                _ => None,
            })
        }
        _ => None,
    };
    Ok(RunView { run, reason, history })
}

fn last_event(
    inspector: &Inspector,
    id: &str,
    run: &RunDescription,
) -> Result<Option<EventView>, Rejection> {
    let selector = inspector.selector(id, Some(&run.run_id.to_string()))?;
    Ok(inspector.engine.history(&selector, run.history_length, 1)?.events.into_iter().next())
}

fn head(run: &RunDescription, event: Option<u64>, now: Timestamp) -> Markup {
    html! {
        div.head {
            div.run-title {
                h1 tabindex="-1" { (run.workflow_id) }
                (copy(&run.workflow_id, "Copy the workflow id"))
                (verdict::pill(run))
            }
            span.push {}
            @if run.status.is_closed() { (operations::of_closed(run, event)) }
            @else { (run_actions::forms(run, event)) }
        }
        dl.facts {
            div { dt { "Started" } dd { (times::ago(run.started_at, now)) " " span.muted { (times::date(run.started_at)) } } }
            div {
                dt { "Duration" }
                dd.num {
                    @match run.closed_at {
                        Some(at) => (times::duration(at.millis_since(run.started_at))),
                        None => (times::since(run.started_at, now)),
                    }
                }
            }
            div { dt { "Run" } dd.mono { (run.run_id) } (copy(&run.run_id.to_string(), "Copy the run id")) }
            div {
                dt { "History" }
                dd.num {
                    (run.history_length) @if run.history_length == 1 { " event" } @else { " events" }
                    span.muted { " · " (payload::size(usize::try_from(run.history_bytes).unwrap_or(usize::MAX))) }
                    span.muted { " · " }
                    a #log href=(url::with_query(url::EVENTS, [("correlation_id", run.workflow_id.as_str())])) { "in the log" }
                }
            }
            div { dt { "Build" } dd { (run.build_id) } }
            div { dt { "Trace" } dd.mono { (run.trace_id) } (copy(&run.trace_id, "Copy the trace id")) }
            @if !run.version.is_empty() { div { dt { "Version" } dd { (run.version) } } }
            @if !run.patches.is_empty() { div { dt { "Patches" } dd.mono { (run.patches.join(", ")) } } }
            @if let Some(parent) = &run.parent {
                div { dt { "Parent" } dd { a.mono href=(url::workflow(parent)) { (parent) } } }
            }
            (relations(run))
            @for (name, value) in &run.search_attributes {
                @match value.to::<String>() {
                    Ok(id) if name == "schedule_id" => {
                        div { dt { "Schedule" } dd { a.mono href=(url::schedule(&id)) { (id) } } }
                    }
                    _ => { div { dt { (name) } dd.mono { (payload::preview(value, 80)) } } }
                }
            }
        }
        @for unwritten in run.awaiting.iter().filter(|item| item.kind == "run_end") {
            p.notice.tone-retrying role="note" {
                (icons::glyph(Tone::Retrying))
                "What is to be written with its end is refused by the program, and tried again: "
                a.mono href=(url::workflow(&unwritten.name)) { (unwritten.name) }
            }
        }
        @if let Some(warning) = &run.history_warning {
            p.notice.tone-retrying role="note" { (icons::glyph(Tone::Retrying)) "Long history: " (warning) }
        }
    }
}

/// Children that are named on the page; the list has them all.
const CHILDREN: usize = 8;

/// Its children, and the runs around it in its chain.
fn relations(run: &RunDescription) -> Markup {
    let run_link = |run_id: Option<RunId>, word: &str| {
        html! {
            @if let Some(run_id) = run_id {
                a href=(url::run(&run.workflow_id, run_id)) title=(run_id) { (word) }
            }
        }
    };
    let first = run.first_run_id.filter(|first| *first != run.run_id);
    let all = url::with_query(url::LIST, [("parent", run.workflow_id.as_str())]);
    html! {
        @if run.run_number > 1 || run.continued_to.is_some() {
            div {
                dt { "Chain" }
                dd.chain {
                    "run " (run.run_number) " "
                    (run_link(first, "first")) " "
                    (run_link(run.continued_from, "previous")) " "
                    (run_link(run.continued_to, "next"))
                }
            }
        }
        @for child in run.children.iter().take(CHILDREN) {
            div { dt { "Child" } dd { a.mono href=(url::workflow(child)) { (child) } } }
        }
        @if run.children.len() > CHILDREN {
            div { dt { "Children" } dd { a href=(all) { "all " (run.children.len()) } } }
        }
    }
}

fn copy(text: &str, label: &str) -> Markup {
    html! {
        button.icon-button type="button" data-copy=(text) aria-label=(label) title=(label) {
            (Icon::Copy.draw())
        }
    }
}

fn values(run: &RunDescription) -> Markup {
    let raw = |event: u64| {
        let run_id = run.run_id.to_string();
        let event = event.to_string();
        let path = format!("{}/payload", url::workflow(&run.workflow_id));
        url::with_query(&path, [("run_id", run_id.as_str()), ("event", event.as_str())])
    };
    let has_memo = run.memo.as_str().trim() != "{}";
    html! {
        div.pair {
            section.card {
                div.card-head { h2 { "Input" } }
                div.card-body {
                    (payload::draw(&run.input, &raw(1)))
                    @if has_memo {
                        div.payload-foot { "Memo" }
                        (payload::draw_inline(&run.memo))
                    }
                }
            }
            section.card {
                div.card-head { h2 { @if run.failure.is_some() { "Failure" } @else { "Result" } } }
                div.card-body { (outcome(run, &raw(run.history_length))) }
            }
        }
    }
}

fn outcome(run: &RunDescription, raw: &str) -> Markup {
    let result: Option<&Payload> = run.result.as_ref();
    html! {
        @if let Some(failure) = &run.failure {
            (payload::failure(failure, raw))
        } @else if let Some(result) = result {
            (payload::draw(result, raw))
        } @else if run.status.is_closed() {
            span.muted { "None: the run did not return" }
        } @else {
            span.muted { "Not yet" }
        }
    }
}

/// The frame that the script fills; nothing in it is patched.
fn timeline(run: &RunDescription) -> Markup {
    let src = format!("{}/spans?run_id={}&", url::workflow(&run.workflow_id), run.run_id);
    html! {
        section.card aria-labelledby="timeline-title" {
            div.card-head {
                h2 #timeline-title { "Timeline" }
                span.muted #span-count {}
                div.push {
                    div.tl-legend aria-hidden="true" {
                        span { i {} "done" } span { i.striped {} "retrying" } span { i.outlined {} "pending" }
                    }
                    @for (id, word, label) in [("zoom-out", "−", "Zoom out"), ("zoom-all", "All", "Show all"), ("zoom-in", "+", "Zoom in")] {
                        button.button.small id=(id) type="button" aria-label=(label) title=(label) { (word) }
                    }
                }
            }
            div.timeline tabindex="0" role="grid" aria-labelledby="timeline-title"
                aria-describedby="timeline-keys" data-src=(src) data-glyphs="glyphs" {
                p.visually-hidden #timeline-keys {
                    "Arrow keys move, plus and minus zoom, 0 shows all, n and p go to failures, Enter opens."
                }
                div.tl-mini aria-hidden="true" {
                    span.tl-mini-label { "Whole run" } canvas {} div.tl-window hidden {}
                }
                div.tl-axis aria-hidden="true" {}
                div.tl-rows role="rowgroup" { div.tl-spacer role="presentation" {} }
            }
            noscript { p.tl-empty { "The timeline needs scripts; the history below says the same." } }
        }
    }
}
