//! `GET /ui/commands/{id}`: one command, what became of it, the events that it led to.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::commands::{CommandEvent, CommandRecord};
use everstep_engine::{Payload, Rejection, Timestamp, TransactError};
use maud::{Markup, html};

use super::commands::{reader, rejection};
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::{payload, refusal, times, url};

async fn read(
    inspector: &Inspector,
    id: &str,
) -> Result<Option<(CommandRecord, Vec<CommandEvent>)>, TransactError> {
    let reader = reader(inspector);
    let Some(record) = reader.get(id).await? else { return Ok(None) };
    let events = reader.events(&record).await?;
    Ok(Some((record, events)))
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let (record, events) = match read(&inspector, &id).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let what = Rejection::InvalidRequest(format!("no command has the id `{id}`"));
            return refusal::page(&inspector, &headers, &what);
        }
        Err(error) => return refusal::page(&inspector, &headers, &rejection(error)),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let title = format!("{} · {}", record.command_type, record.command_id);
    let context = (!record.context.is_empty()).then(|| Payload::from_value(&record.context));
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { (record.command_type) }
            span.push {}
            a.button.small href=(url::COMMANDS) { "All commands" }
        }
        section.card {
            div.card-head { h2 { "Command" } }
            div.card-body { (facts(&record)) }
        }
        section.card {
            div.card-head { h2 { "Payload" } }
            div.card-body { (payload::draw_inline(&record.payload)) }
        }
        @if let Some(result) = &record.result {
            section.card {
                div.card-head { h2 { "Answer" } }
                div.card-body { (payload::draw_inline(result)) }
            }
        }
        @if let Some(Ok(context)) = &context {
            section.card {
                div.card-head { h2 { "What the rule looked at" } }
                div.card-body { (payload::draw_inline(context)) }
            }
        }
        section.card #events {
            div.card-head { h2 { "Events" } }
            (led_to(&events))
        }
    };
    Page { title: &title, section: Section::Events, topics: None, body }.render(&viewer)
}

fn facts(record: &CommandRecord) -> Markup {
    let steps = serde_json::to_value(&record.steps).unwrap_or_default();
    let steps: Vec<&str> =
        steps.as_array().into_iter().flatten().filter_map(|step| step.as_str()).collect();
    let workflow = record.user_id.strip_prefix("workflow:");
    let texts = [
        ("Id", Some(record.command_id.as_str())),
        ("Code", record.code.as_deref()),
        ("Why", record.message.as_deref()),
        ("Turned away by", record.refused_by.as_deref()),
        ("Asked for by", Some(record.user_id.as_str()).filter(|_| workflow.is_none())),
        ("Caused by", record.causation_id.as_deref()),
    ];
    html! {
        dl.facts {
            @if let Some(id) = workflow {
                div { dt { "Sent by" } dd { a.mono #sender href=(url::workflow(id)) { (id) } } }
            }
            div { dt { "Status" } dd #status { (record.status.name()) } }
            @for (name, text) in texts {
                @if let Some(text) = text { div { dt { (name) } dd { span.mono { (text) } } } }
            }
            div { dt { "Received" } dd { (times::full(Timestamp::from_millis(record.received_at_ms))) } }
            div { dt { "Steps" } dd { (steps.join(" → ")) } }
            div {
                dt { "Correlation" }
                dd { a.mono href=(url::with_query(url::EVENTS, [("correlation_id", record.correlation_id.as_str())])) { (record.correlation_id) } }
            }
        }
    }
}

fn led_to(events: &[CommandEvent]) -> Markup {
    html! {
        div.table-wrap {
            @if events.is_empty() {
                div.empty { strong { "It led to no event" } }
            } @else {
                table {
                    thead {
                        tr {
                            th.end scope="col" { "Position" }
                            th scope="col" { "Type" }
                            th scope="col" { "Stream" }
                            th scope="col" { "Data" }
                        }
                    }
                    tbody {
                        @for event in events {
                            @let stream = format!("{}:{}", event.stream_type, event.stream_id);
                            tr {
                                td.end.mono { a href=(url::event(event.position)) { (event.position) } }
                                td { (event.event_type) }
                                td { a.mono href=(url::stream(&stream)) { (payload::one_line(&stream, 60)) } "@" (event.version) }
                                td.mono { (payload::preview(&event.data, 80)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
