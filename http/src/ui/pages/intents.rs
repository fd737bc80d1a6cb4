//! `GET /ui/intents`: what was begun and has not ended, the oldest first.

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_workflows::intent::{self, IntentPage};
use maud::{Markup, html};
use serde::Deserialize;

use super::publications;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{desk, live, refusal, times, url};

/// Intents that the page shows.
const SHOWN: usize = 100;

/// Where the page begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    after: Option<String>,
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let found = inspector.read(move |inspector| {
        let rows = inspector.engine.rows(&inspector.namespace)?;
        intent::open_intents(&rows, inspector.engine.now(), asked.after.as_deref(), SHOWN)
    });
    let page = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Open intents"))
        (publications::tabs(url::INTENTS))
        (region("intents", &table(&page, &viewer)))
    };
    let topics = Some(format!("{},runs", live::LOG));
    Page { title: "Open intents", section: Section::Publications, topics, body }.render(&viewer)
}

fn table(page: &IntentPage, viewer: &Viewer) -> Markup {
    if page.intents.is_empty() && page.next_page_token.is_none() {
        return html! { p.empty { "None: whatever was begun has ended." } };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Intent" }
                    th.grow scope="col" { "Begun by" }
                    th.num scope="col" { "Event" }
                    th scope="col" { "Since" }
                }
            }
            tbody {
                @for one in &page.intents {
                    tr data-intent=(one.intent_key) data-key={ (one.kind) "/" (one.intent_key) } {
                        th scope="row" { (one.intent_key) }
                        td.grow { (one.kind) }
                        td.num { a href=(url::event(one.position)) { (one.position) } }
                        td { (times::ago(one.begun_at, viewer.now)) }
                    }
                }
            }
        }
        @if let Some(after) = &page.next_page_token {
            (desk::more(&url::with_query(url::INTENTS, [("after", after.as_str())])))
        }
    }
}
