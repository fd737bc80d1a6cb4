//! `GET /ui/events`: the event log, newest first, by type, tag, stream or what belongs together.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::log::{Direction, Query as LogQuery, QueryItem, RecordedEvent, StreamId};
use everstep_engine::{LogPage, LoggedEvent, Rejection, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{live, payload, refusal, times, url};

const PAGE_SIZE: usize = 50;

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default, rename = "type")]
    event_type: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    stream: String,
    #[serde(default)]
    correlation_id: String,
    #[serde(default)]
    before: Option<u64>,
}

impl Asked {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [
            ("type", &self.event_type),
            ("tag", &self.tag),
            ("stream", &self.stream),
            ("correlation_id", &self.correlation_id),
        ]
    }

    /// The same events, those before the last one shown.
    fn next(&self, token: &str) -> String {
        let pairs = self.pairs().into_iter().filter(|(_, value)| !value.is_empty());
        url::with_query(url::EVENTS, pairs.chain([("before", token)]))
    }

    fn read(&self, inspector: &Inspector) -> Result<LogPage, Rejection> {
        self.read_all(inspector).map(|page| inspector.engine.shown(page))
    }

    fn read_all(&self, inspector: &Inspector) -> Result<LogPage, Rejection> {
        let log = inspector.engine.log(&inspector.namespace)?;
        let reader = log.reader();
        let from = self.before.unwrap_or(u64::MAX);
        let back = Direction::Backwards;
        if !self.correlation_id.is_empty() {
            let first = self.before.unwrap_or(1);
            let events = reader.correlated(&self.correlation_id, first, PAGE_SIZE + 1)?;
            let seen = first.saturating_add(PAGE_SIZE as u64).to_string();
            return LogPage::new(events, PAGE_SIZE, &reader, |_| seen);
        }
        if !self.stream.is_empty() {
            let stream = StreamId::from(self.stream.as_str());
            let events = reader.stream(&stream, from, back, PAGE_SIZE + 1)?;
            let token = |last: &RecordedEvent| last.version().saturating_sub(1).to_string();
            return LogPage::new(events, PAGE_SIZE, &reader, token);
        }
        let some = |text: &str| -> Vec<Box<str>> {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Into::into).collect()
        };
        let item = QueryItem { types: some(&self.event_type), tags: some(&self.tag) };
        let everything = item.types.is_empty() && item.tags.is_empty();
        let query = LogQuery { items: if everything { Vec::new() } else { vec![item] } };
        let events = reader.matching(&query, from, back, PAGE_SIZE + 1)?;
        let token = |last: &RecordedEvent| last.position().saturating_sub(1).to_string();
        LogPage::new(events, PAGE_SIZE, &reader, token)
    }
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let wanted = asked.clone();
    let page = match inspector.read(move |inspector| wanted.read(inspector)).await {
        Ok(page) => page,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Events" }
            span.push {}
            a.button href=(url::COMMANDS) { "Commands" }
            a.button href=(url::STREAMS) { "Streams" }
            (layout::live_badge())
        }
        (filter(&asked))
        (region("events", &table(&page, viewer.now)))
        (region("pager", &html! {
            @if let Some(token) = &page.next_page_token {
                nav.pager aria-label="Pages" {
                    span.push { a.button.small href=(asked.next(token)) { "Next" } }
                }
            }
        }))
    };
    let topics = Some(live::LOG.to_owned());
    Page { title: "Events", section: Section::Events, topics, body }.render(&viewer)
}

fn filter(asked: &Asked) -> Markup {
    let labels = ["Types", "Tags", "Stream", "Correlation"];
    html! {
        form.filters method="get" action=(url::EVENTS) {
            @for ((name, value), label) in asked.pairs().into_iter().zip(labels) {
                label { (label) " " input name=(name) value=(value) autocomplete="off"; }
            }
            button.button type="submit" { "Show" }
        }
    }
}

/// A table of events.
pub(super) fn table(page: &LogPage, now: Timestamp) -> Markup {
    if page.events.is_empty() {
        return html! {
            div.table-wrap {
                div.empty {
                    strong { "No events" }
                    p { "Append one with " code { "events append" } ", over HTTP, or in a transaction of a workflow." }
                }
            }
        };
    }
    html! {
        div.table-wrap {
            table {
                thead {
                    tr {
                        th.end scope="col" { "Position" }
                        th scope="col" { "Event" }
                        th.col-type scope="col" { "Stream" }
                        th.col-why scope="col" { "Data" }
                        th scope="col" { "Recorded" }
                    }
                }
                tbody { @for event in &page.events { (line(event, now)) } }
            }
        }
    }
}

fn line(event: &LoggedEvent, now: Timestamp) -> Markup {
    html! {
        tr data-position=(event.position) data-key=(event.position) {
            td.end.mono { (event.position) }
            td { a.row-link href=(url::event(event.position)) data-row { (payload::one_line(&event.event_type, 60)) } }
            td.col-type.mono {
                @if let Some(stream) = &event.stream {
                    a href=(url::stream(stream)) { (payload::one_line(stream, 40)) } " @" (event.version)
                }
            }
            td.col-why.mono { (payload::preview(&event.data, 120)) }
            td { (times::ago(event.recorded_at, now)) }
        }
    }
}
