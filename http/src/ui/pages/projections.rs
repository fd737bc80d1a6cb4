//! `GET /ui/projections` and `/ui/projections/{name}`: read models, how far they are, and the rows
//! of those that their viewer may read.

use axum::extract::{Extension, Path, Query};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::Rejection;
use everstep_workflows::projections::{
    Delivery, ProjectionError, ProjectionService, ProjectionStatus, RowQuery, RowsPage, Telling,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::rebuild;
use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{icons, live, refusal, times, url};

const ROWS_A_PAGE: usize = 100;

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    Extension(service): Extension<ProjectionService>,
    headers: HeaderMap,
) -> Response {
    let statuses =
        inspector.read(move |inspector| service.statuses(&inspector.namespace).map_err(rejection));
    let statuses = match statuses.await {
        Ok(statuses) => statuses,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Projections"))
        (region("projections", &table(&statuses, &viewer)))
    };
    let topics = Some(topics());
    Page { title: "Projections", section: Section::Projections, topics, body }.render(&viewer)
}

/// Events, and runs for the progress of rebuilds.
fn topics() -> String {
    format!("{},runs", live::LOG)
}

fn table(statuses: &[ProjectionStatus], viewer: &Viewer) -> Markup {
    if statuses.is_empty() {
        return html! { p.empty { "No projections: the worker registers none." } };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Projection" }
                    th scope="col" { "Category" }
                    th scope="col" { "State" }
                    th.num scope="col" { "Lag" }
                    th.num scope="col" { "Position" }
                    th.num scope="col" { "Events" }
                    th scope="col" { "Last write" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody { @for status in statuses { (line(status, viewer)) } }
        }
    }
}

fn line(status: &ProjectionStatus, viewer: &Viewer) -> Markup {
    let kept = match status.delivery {
        Delivery::Inline => "kept in the transactions that append",
        Delivery::Async => "kept from a checkpoint",
    };
    html! {
        tr data-projection=(status.name) data-key=(status.name) {
            th scope="row" { a href=(url::projection(&status.name)) { (status.name) } }
            td.wraps title=(kept) {
                (status.category)
                @if let Some(contract) = status.contract { " " span.chip { (contract) } }
                @if let Some(telling) = &status.publishes { " " (told(telling)) }
            }
            td {
                (state(status))
                @if status.quarantined > 0 {
                    " " span.chip title="Events that its code refuses" { (status.quarantined) " quarantined" }
                }
                @if let Some(one) = status.rebuild.as_ref().filter(|one| one.status.is_active()) {
                    " " (rebuild::progress(one))
                }
            }
            td.num { (status.lag) }
            td.num { (status.position) " / " (status.last_position) }
            td.num { (status.events) }
            td { @if let Some(at) = status.updated_at { (times::ago(at, viewer.now)) } @else { "–" } }
            td { (action(status)) }
        }
    }
}

/// What other contexts hear of its rows.
fn told(telling: &Telling) -> Markup {
    let title = format!("Tells of each row that changes; told up to event {}", telling.position);
    html! {
        span.chip title=(title) {
            "↗ " (telling.event_type)
            @if telling.lag > 0 { ", " (telling.lag) " behind" }
        }
    }
}

fn state(status: &ProjectionStatus) -> Markup {
    let (tone, word) = match status.status {
        "paused" => (Tone::Paused, "Paused"),
        "failing" => (Tone::Failed, "Failing"),
        "stalled" => (Tone::Failed, "Stalled"),
        "current" => (Tone::Completed, "Current"),
        _ => (Tone::Running, "Catching up"),
    };
    html! {
        span class={ "status " (tone.class()) } title=[status.reason.as_deref()] {
            (icons::glyph(tone)) " " (word)
        }
    }
}

fn action(status: &ProjectionStatus) -> Markup {
    if status.delivery == Delivery::Inline {
        return html! {};
    }
    let (verb, word) =
        if status.status == "paused" { ("resume", "Resume") } else { ("pause", "Pause") };
    let address = format!("{}/{verb}", url::projection(&status.name));
    html! { form.inline method="post" action=(address) { button.button { (word) } } }
}

/// Which rows.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
}

/// Answers one projection's page.
pub(crate) async fn one(
    inspector: Inspector,
    Extension(service): Extension<ProjectionService>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let (wanted, prefix) = (name.clone(), asked.prefix.clone());
    let found = inspector.read(move |inspector| {
        let status = service.status(&inspector.namespace, &wanted).map_err(rejection)?;
        let query =
            RowQuery { prefix, after: asked.after, limit: ROWS_A_PAGE, ..RowQuery::default() };
        let rows = status
            .category
            .check_reader(&wanted, inspector.caller.role())
            .and_then(|()| service.rows(&inspector.namespace, &wanted, &query));
        let quarantined = match status.quarantined {
            0 => Vec::new(),
            _ => service.quarantined(&inspector.namespace, &wanted).map_err(rejection)?,
        };
        Ok((status, rows, quarantined))
    });
    let (status, rows, quarantined) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head(&name))
        (region("projection", &html! {
            (table(std::slice::from_ref(&status), &viewer))
            @if let Some(reason) = &status.reason { p.muted { (reason) } }
            (rebuild::quarantine(&name, &quarantined, viewer.now))
            (rebuild::card(&name, status.rebuild.as_ref(), viewer.now))
            @match rows {
                Ok(_) if inspector.engine.hides_values() => p.empty { "Values are hidden here." },
                Ok(page) => (rows_table(&name, &asked.prefix, &page)),
                Err(refused) => p.empty { (refused) },
            }
        }))
    };
    let topics = Some(topics());
    Page { title: &name, section: Section::Projections, topics, body }.render(&viewer)
}

fn rows_table(name: &str, prefix: &str, page: &RowsPage) -> Markup {
    if page.rows.is_empty() {
        return html! { p.empty { "No rows." } };
    }
    html! {
        table.list {
            thead { tr { th scope="col" { "Key" } th.grow scope="col" { "Row" } th.num scope="col" { "Position" } } }
            tbody {
                @for row in &page.rows {
                    tr data-row=(row.key) data-key=(row.key) {
                        th scope="row" { (row.key) }
                        td.grow {
                            code { (row.state.as_ref().map_or("", |state| state.as_str())) }
                            @if row.is_optimistic {
                                " " span.chip title="Events that are not in the durable row yet" {
                                    "+" (row.pending_events)
                                }
                            }
                        }
                        td.num { (row.position) }
                    }
                }
            }
        }
        @if let Some(next) = &page.next_page_token {
            @let address = url::with_query(&url::projection(name), [("prefix", prefix), ("after", next.as_str())]);
            p { a.button href=(address) { "Next rows" } }
        }
    }
}

/// What is done to a projection.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Pause,
    Resume,
}

/// `POST /ui/projections/{name}/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Extension(service): Extension<ProjectionService>,
    Path((name, verb)): Path<(String, Verb)>,
) -> Response {
    let namespace = &inspector.namespace;
    let done = match verb {
        Verb::Pause => service.pause(namespace, &name, "paused in the inspector").await,
        Verb::Resume => service.resume(namespace, &name).await,
    };
    let flash = match (done, verb) {
        (Ok(()), Verb::Pause) => {
            Flash { text: format!("Projection {name} paused"), is_error: false }
        }
        (Ok(()), Verb::Resume) => {
            Flash { text: format!("Projection {name} resumed"), is_error: false }
        }
        (Err(error), _) => Flash { text: error.to_string(), is_error: true },
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(url::PROJECTIONS)).into_response()
}

fn rejection(error: ProjectionError) -> Rejection {
    match error {
        ProjectionError::Engine(rejection) => rejection,
        error => Rejection::InvalidRequest(error.to_string()),
    }
}
