//! `GET /ui/queues`: task queues, what they allow, what waits in them, and the forms that set it.

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{QueueDescription, QueueLimits, Rejection};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::{refusal, times, url};

/// Answers the page.
pub(crate) async fn page(inspector: Inspector, headers: HeaderMap) -> Response {
    let queues = inspector.engine.queues(&inspector.namespace);
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Task queues"))
        (region("queues", &table(&queues)))
    };
    Page { title: "Task queues", section: Section::Queues, topics: Some("runs".into()), body }
        .render(&viewer)
}

fn table(queues: &[QueueDescription]) -> Markup {
    if queues.is_empty() {
        return html! {
            p.empty {
                "No task queues: no worker declares one, and no activity names one. An activity "
                "that names none is never held back."
            }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Queue" }
                    th.num scope="col" { "Waiting" }
                    th.num scope="col" { "Running" }
                    th.num scope="col" { "Oldest" }
                    th.num scope="col" { "Added/s" }
                    th.num scope="col" { "Started/s" }
                    th scope="col" { "Allows" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody { @for queue in queues { (row(queue)) } }
        }
    }
}

fn row(queue: &QueueDescription) -> Markup {
    let by_priority = queue
        .waiting_by_priority
        .iter()
        .map(|(priority, waiting)| format!("priority {priority}: {waiting}"))
        .collect::<Vec<_>>()
        .join(", ");
    let (verb, word) = match queue.limits.paused {
        true => ("resume", "Resume"),
        false => ("pause", "Pause"),
    };
    let action = |verb: &str| format!("{}/{}/{verb}", url::QUEUES, url::encode(&queue.name));
    html! {
        tr data-queue=(queue.name) {
            th scope="row" { (queue.name) }
            td.num title=(by_priority) { (queue.waiting) }
            td.num { (queue.running) }
            td.num { (queue.oldest_age_ms.map_or_else(|| "–".to_owned(), times::duration)) }
            td.num { (format!("{:.1}", queue.added_per_s)) }
            td.num { (format!("{:.1}", queue.started_per_s)) }
            td {
                (queue.limits)
                @if queue.overridden { " " span.chip title="Set at run time" { "set" } }
            }
            td {
                form.inline method="post" action=(action(verb)) { button.button { (word) } }
                @if queue.overridden {
                    form.inline method="post" action=(action("reset")) {
                        button.button title="What the worker declares holds again" { "Reset" }
                    }
                }
            }
        }
    }
}

/// What is done to a queue.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Pause,
    Resume,
    Reset,
}

/// `POST /ui/queues/{name}/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Path((name, verb)): Path<(String, Verb)>,
    headers: HeaderMap,
) -> Response {
    match change(&inspector, &name, verb).await {
        Ok(text) => {
            let flash = Flash { text, is_error: false };
            let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
            (cookie, Redirect::to(url::QUEUES)).into_response()
        }
        Err(rejection) => refusal::page(&inspector, &headers, &rejection),
    }
}

async fn change(inspector: &Inspector, name: &str, verb: Verb) -> Result<String, Rejection> {
    let engine = &inspector.engine;
    let known = engine.queues(&inspector.namespace).into_iter().find(|queue| queue.name == name);
    let limits = known
        .map(|queue| queue.limits)
        .ok_or_else(|| Rejection::InvalidRequest(format!("task queue `{name}` does not exist")))?;
    let (limits, said) = match verb {
        Verb::Pause => (Some(QueueLimits { paused: true, ..limits }), "paused"),
        Verb::Resume => (Some(QueueLimits { paused: false, ..limits }), "resumed"),
        Verb::Reset => (None, "reset"),
    };
    engine.set_queue(&inspector.namespace, name, limits).await?;
    Ok(format!("Task queue {name} {said}"))
}
