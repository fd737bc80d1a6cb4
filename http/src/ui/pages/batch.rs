//! `GET /ui/batches/{id}`: how far a batch has come.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{BatchDescription, RunStatus, Timestamp};
use maud::{Markup, html};

use super::new_batch::words;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{live, refusal, times, url};

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = id.clone();
    let found =
        inspector.read(move |inspector| inspector.engine.batch(&inspector.namespace, &asked));
    let batch = match found.await {
        Ok(batch) => batch,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            a href=(url::BATCHES) { "Batches" }
            span.push {}
            (layout::live_badge())
        }
        (region("batch", &card(&batch, viewer.now)))
        (region("batch-failures", &failures(&batch)))
    };
    Page { title: "Batch", section: Section::Batches, topics: Some(live::topic_of(&id)), body }
        .render(&viewer)
}

/// What it does, as a word.
pub(super) fn verb(operation: &str) -> &'static str {
    match operation {
        "signal" => "Signal",
        "cancel" => "Cancel",
        "terminate" => "Terminate",
        _ => "Reset",
    }
}

/// How far it is, as a bar with its numbers.
pub(super) fn progress(batch: &BatchDescription) -> Markup {
    let ended = batch.done + batch.failed;
    html! {
        progress max=(batch.total.max(1)) value=(if batch.status == RunStatus::Completed { batch.total.max(1) } else { ended })
            aria-label="Progress" {}
        " " span.num { (ended) " of " (batch.total) }
    }
}

fn card(batch: &BatchDescription, now: Timestamp) -> Markup {
    html! {
        div.head {
            div.run-title {
                h1 tabindex="-1" { (verb(&batch.operation)) " " (words(&batch.filter)) }
                (Tone::from(batch.status).pill())
            }
        }
        section.card aria-label="Progress" {
            div.card-body {
                p #batch-progress { (progress(batch)) }
                dl.facts {
                    div { dt { "Done" } dd.num { (batch.done) } }
                    div { dt { "Failed" } dd.num { (batch.failed) } }
                    div { dt { "Started" } dd { (times::ago(batch.started_at, now)) } }
                    @if let Some(at) = batch.closed_at {
                        div { dt { "Took" } dd { (times::duration(at.millis_since(batch.started_at))) } }
                    }
                    div { dt { "Batch" } dd.mono { (batch.batch_id) } }
                    div {
                        dt { "Runs as" }
                        dd { a href=(url::workflow(&batch.batch_id)) { "a workflow: pause or cancel it there" } }
                    }
                }
            }
        }
    }
}

fn failures(batch: &BatchDescription) -> Markup {
    html! {
        @if !batch.failures.is_empty() {
            section.card {
                div.card-head {
                    h2 { "Runs that refused" }
                    @if batch.failed > batch.failures.len() as u64 {
                        span.muted.push { "the first " (batch.failures.len()) " of " (batch.failed) }
                    }
                }
                table {
                    thead { tr { th scope="col" { "Workflow" } th scope="col" { "Why" } } }
                    tbody {
                        @for failure in &batch.failures {
                            tr data-key=(failure.run_id) {
                                td {
                                    a.row-link.mono data-row
                                        href=(url::run(&failure.workflow_id, failure.run_id)) {
                                        (failure.workflow_id)
                                    }
                                }
                                td.grow { span.why.bad { (failure.message) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
