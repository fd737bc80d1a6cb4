//! `GET /ui/batches`: batches, newest first.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{BatchPage, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::batch::{progress, verb};
use super::new_batch::words;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{refusal, times, url};

const PAGE_SIZE: usize = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    page_token: Option<String>,
}

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let token = asked.page_token.filter(|token| !token.is_empty());
    let found = inspector.read(move |inspector| {
        inspector.engine.batches(&inspector.namespace, PAGE_SIZE, token.as_deref())
    });
    let page = match found.await {
        Ok(page) => page,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Batches"))
        (region("batches", &table(&page, viewer.now)))
        @if let Some(token) = &page.next_page_token {
            nav.pager aria-label="Pages" {
                span.push {
                    a.button.small href=(url::with_query(url::BATCHES, [("page_token", token.as_str())])) {
                        "Older"
                    }
                }
            }
        }
    };
    Page { title: "Batches", section: Section::Batches, topics: Some("runs".into()), body }
        .render(&viewer)
}

fn table(page: &BatchPage, now: Timestamp) -> Markup {
    if page.batches.is_empty() {
        return html! {
            div.table-wrap {
                div.empty {
                    strong { "No batches yet" }
                    p {
                        "One act on many runs: filter the " a href=(url::LIST) { "workflows" }
                        " and select all matching."
                    }
                }
            }
        };
    }
    html! {
        div.table-wrap {
            table {
                thead {
                    tr {
                        th scope="col" { "Status" }
                        th scope="col" { "Act" }
                        th.col-why scope="col" { "On" }
                        th scope="col" { "Progress" }
                        th.end scope="col" { "Failed" }
                        th scope="col" { "Started" }
                    }
                }
                tbody {
                    @for batch in &page.batches {
                        tr data-key=(batch.batch_id) {
                            td.status { (Tone::from(batch.status).pill()) }
                            td { a.row-link href=(url::batch(&batch.batch_id)) data-row { (verb(&batch.operation)) } }
                            td.grow.col-why { (words(&batch.filter)) }
                            td { (progress(batch)) }
                            td.end.num { (batch.failed) }
                            td { (times::ago(batch.started_at, now)) }
                        }
                    }
                }
            }
        }
    }
}
