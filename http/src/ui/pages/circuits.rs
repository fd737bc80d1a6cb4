//! `GET /ui/circuits`: circuit breakers, how they stand, and the forms that move them.

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_activities::circuit_breaker::{self, CircuitState, CircuitView};
use everstep_engine::TransactError;
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{icons, refusal, times, url};

/// Answers the page.
pub(crate) async fn page(inspector: Inspector, headers: HeaderMap) -> Response {
    let found = inspector
        .read(|inspector| circuit_breaker::list(&inspector.engine, &inspector.namespace))
        .await;
    let circuits = match found {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { "Circuits and limits" }
            span.push {}
            (layout::live_badge())
        }
        (region("circuits", &table(&circuits, &viewer)))
    };
    let topics = Some("runs".to_owned());
    Page { title: "Circuits and limits", section: Section::Circuits, topics, body }.render(&viewer)
}

fn table(circuits: &[CircuitView], viewer: &Viewer) -> Markup {
    if circuits.is_empty() {
        return html! {
            p.empty { "No circuits. A worker declares them with " code { "Worker::circuit" } "." }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Circuit" }
                    th scope="col" { "State" }
                    th.num scope="col" { "Failures in a row" }
                    th.num scope="col" { "Open for" }
                    th.num scope="col" { "Opened" }
                    th scope="col" { "Last failure" }
                    th scope="col" { "Probe" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody { @for one in circuits { (line(one, viewer)) } }
        }
    }
}

fn line(one: &CircuitView, viewer: &Viewer) -> Markup {
    let (tone, word) = match one.state {
        CircuitState::Closed => (Tone::Completed, "Closed"),
        CircuitState::Open => (Tone::Failed, "Open"),
        CircuitState::HalfOpen => (Tone::Retrying, "Half open"),
    };
    let (verb, action) = match one.state {
        CircuitState::Closed => ("open", "Open"),
        CircuitState::Open | CircuitState::HalfOpen => ("close", "Close"),
    };
    let address = format!("{}/{}/{verb}", url::CIRCUITS, url::encode(&one.name));
    html! {
        tr data-circuit=(one.name) {
            th scope="row" { (one.name) }
            td { span class={ "status " (tone.class()) } { (icons::glyph(tone)) " " (word) } }
            td.num { (one.failure_count) " / " (one.config.failure_threshold) }
            td.num {
                @match one.retry_after_ms {
                    Some(left) => { (times::duration(left)) " more" },
                    None => span.muted { (times::duration(one.config.reset_timeout_ms)) },
                }
            }
            td.num { (one.openings) "×" }
            td {
                @match one.last_failure_at {
                    Some(at) => (times::ago(at, viewer.now)),
                    None => "–",
                }
            }
            td { @if let Some(probe) = &one.probe_run_id { code { (probe) } } @else { "–" } }
            td {
                form.inline method="post" action=(address) { button.button { (action) } }
            }
        }
    }
}

/// What is done to a circuit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Open,
    Close,
}

/// `POST /ui/circuits/{name}/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Path((name, verb)): Path<(String, Verb)>,
) -> Response {
    let own = name.clone();
    let done = inspector.engine.transact(&inspector.namespace, move |tx| match verb {
        Verb::Open => circuit_breaker::open(tx, &own),
        Verb::Close => circuit_breaker::close(tx, &own),
    });
    let word = match verb {
        Verb::Open => "open",
        Verb::Close => "closed",
    };
    let flash = match done.await {
        Ok(()) => Flash { text: format!("Circuit {name} is {word}"), is_error: false },
        Err(TransactError::Failed(error)) => {
            Flash { text: error.failure().message.clone(), is_error: true }
        }
        Err(error) => Flash { text: error.to_string(), is_error: true },
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(url::CIRCUITS)).into_response()
}
