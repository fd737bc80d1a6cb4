//! `GET /ui/streams`: every stream, by type and id.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::StreamDescription;
use everstep_engine::log::StreamId;
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{live, payload, refusal, url};

const PAGE_SIZE: usize = 100;

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    after: String,
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let wanted = asked.clone();
    let found = inspector.read(move |inspector| {
        let after = (!wanted.after.is_empty()).then(|| StreamId::from(wanted.after.as_str()));
        let log = inspector.engine.log(&inspector.namespace)?;
        Ok(log.reader().streams(&wanted.r#type, after.as_ref(), PAGE_SIZE + 1)?)
    });
    let mut found = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let more = found.len() > PAGE_SIZE;
    found.truncate(PAGE_SIZE);
    let streams: Vec<_> =
        found.iter().map(|(stream, head)| StreamDescription::new(stream, *head)).collect();
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Streams" }
            span.push {}
            a.button href=(url::EVENTS) { "All events" }
            (layout::live_badge())
        }
        form.filters method="get" action=(url::STREAMS) {
            label { "Type begins with " input name="type" value=(asked.r#type) autocomplete="off"; }
            button.button type="submit" { "Show" }
        }
        (region("streams", &table(&streams)))
        @if let Some(last) = streams.last().filter(|_| more) {
            nav.pager aria-label="Pages" {
                span.push {
                    a.button.small href=(url::with_query(url::STREAMS, [("type", asked.r#type.as_str()), ("after", last.stream.as_str())])) {
                        "Next"
                    }
                }
            }
        }
    };
    let topics = Some(live::LOG.to_owned());
    Page { title: "Streams", section: Section::Events, topics, body }.render(&viewer)
}

fn table(streams: &[StreamDescription]) -> Markup {
    html! {
        div.table-wrap {
            @if streams.is_empty() {
                div.empty { strong { "No streams" } }
            } @else {
                table {
                    thead {
                        tr {
                            th scope="col" { "Stream" }
                            th.end scope="col" { "Events" }
                            th.end scope="col" { "Last position" }
                            th scope="col" { span.visually-hidden { "State" } }
                        }
                    }
                    tbody {
                        @for stream in streams {
                            tr data-stream=(stream.stream) data-key=(stream.stream) {
                                td { a.row-link.mono href=(url::stream(&stream.stream)) data-row { (payload::one_line(&stream.stream, 80)) } }
                                td.end { (stream.version) }
                                td.end.mono { a href=(url::event(stream.last_position)) { (stream.last_position) } }
                                td { a href=(url::stream_state(&stream.stream)) { "State" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
