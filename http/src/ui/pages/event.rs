//! `GET /ui/events/{position}`: one event, what led to it and what it led to.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{EventOrigin, LogPage, LoggedEvent, Rejection};
use maud::{Markup, html};

use super::events;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{live, payload, refusal, times, url};

/// Events of the same correlation that are shown.
const SHOWN: usize = 50;

struct Found {
    event: LoggedEvent,
    /// The step of the workflow that wrote it.
    step: Option<String>,
    /// What belongs together with it, itself included.
    related: Option<LogPage>,
}

fn read(inspector: &Inspector, position: u64) -> Result<Option<Found>, Rejection> {
    let log = inspector.engine.log(&inspector.namespace)?;
    let reader = log.reader();
    let Some(event) = reader.event(position)? else { return Ok(None) };
    let event = inspector.engine.shown(LoggedEvent::try_from(&event)?);
    let related = match &event.correlation_id {
        Some(id) => {
            let events = reader.correlated(id, 1, SHOWN + 1)?;
            Some(inspector.engine.shown(LogPage::new(events, SHOWN, &reader, |_| String::new())?))
        }
        None => None,
    };
    let step = event.origin.as_ref().map(|origin| step(inspector, origin));
    Ok(Some(Found { event, step, related }))
}

/// The address of the step, or of its run where that has been forgotten.
fn step(inspector: &Inspector, origin: &EventOrigin) -> String {
    let run = url::run(&origin.workflow_id, &origin.run_id);
    let found = inspector.selector(&origin.workflow_id, Some(&origin.run_id));
    let group = found.and_then(|selector| {
        let run_id = inspector.engine.describe(&selector)?.run_id;
        inspector.journals.with(&inspector.engine, &selector, run_id, |journal| {
            journal.group_of_activity(origin.activity_id).map(|group| group.key)
        })
    });
    match group {
        Ok(Some(event)) => format!("{run}&event={event}"),
        _ => run,
    }
}

/// Whether a command caused it, and not another event.
async fn command(inspector: &Inspector, event: &LoggedEvent) -> Option<String> {
    let id = event.causation_id.clone()?;
    let record = super::commands::reader(inspector).get(&id).await.ok()?;
    record.map(|_| id)
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Path(position): Path<u64>,
) -> Response {
    let found = match inspector.read(move |inspector| read(inspector, position)).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let what = format!("there is no event at position {position}");
            return refusal::page(&inspector, &headers, &Rejection::InvalidRequest(what));
        }
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let Found { event, step, related } = found;
    let command = command(&inspector, &event).await;
    let title = format!("{} · {}", event.event_type, event.position);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { (event.event_type) }
            span.push {}
            @if event.position > 1 {
                a.button.small href=(url::event(event.position - 1)) { "Before" }
            }
            a.button.small href=(url::event(event.position + 1)) { "After" }
            (layout::live_badge())
        }
        section.card {
            div.card-head { h2 { "Event" } }
            div.card-body { (facts(&event, step.as_deref(), command.as_deref())) }
        }
        section.card {
            div.card-head { h2 { "Data" } }
            div.card-body { (payload::draw_inline(&event.data)) }
        }
        @if let Some(metadata) = &event.metadata {
            section.card {
                div.card-head { h2 { "Metadata" } }
                div.card-body { (payload::draw_inline(metadata)) }
            }
        }
        @if let Some(related) = &related {
            section.card #chain {
                div.card-head { h2 { "Belongs together" } }
                (region("related", &events::table(related, viewer.now)))
            }
        }
    };
    let topics = Some(live::LOG.to_owned());
    Page { title: &title, section: Section::Events, topics, body }.render(&viewer)
}

fn facts(event: &LoggedEvent, step: Option<&str>, command: Option<&str>) -> Markup {
    let texts = [
        ("Caused by", event.causation_id.as_deref().filter(|_| command.is_none())),
        ("Context", event.context.as_deref()),
        ("Asked for by", event.actor.as_deref()),
        ("Trace", event.traceparent.as_deref()),
        ("Event id", Some(event.event_id.as_str())),
        ("Hash", Some(event.hash.as_str())),
    ];
    html! {
        dl.facts {
            (fact("Position", html! { span.mono { (event.position) } }))
            @if let Some(stream) = &event.stream {
                (fact("Stream", html! { a.mono href=(url::stream(stream)) { (stream) } " @" (event.version) }))
            }
            (fact("Recorded", times::full(event.recorded_at)))
            (fact("Category", html! { (event.category) ", schema version " (event.schema_version) }))
            @if !event.tags.is_empty() {
                (fact("Tags", html! {
                    @for tag in &event.tags {
                        a.chip href=(url::with_query(url::EVENTS, [("tag", tag.as_str())])) { (tag) } " "
                    }
                }))
            }
            @if let Some(origin) = &event.origin {
                (fact("Written by", html! {
                    a.mono #origin href=(step.unwrap_or_default()) { (origin.workflow_id) }
                    ", activity " (origin.activity_id)
                }))
            }
            @if let Some(id) = command {
                (fact("Command", html! { a.mono #command href=(url::command(id)) { (id) } }))
            }
            @if let Some(id) = &event.correlation_id {
                (fact("Correlation", html! {
                    a.mono href=(url::with_query(url::EVENTS, [("correlation_id", id.as_str())])) { (id) }
                }))
            }
            @for (name, text) in texts {
                @if let Some(text) = text { (fact(name, html! { span.mono { (text) } })) }
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "markup is made for this place")]
fn fact(name: &str, is: Markup) -> Markup {
    html! { div { dt { (name) } dd { (is) } } }
}
