//! `GET /ui/circuits`: circuit breakers and limits, how they stand, and the forms that move them.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::circuit_breaker::{self, CircuitState, CircuitView};
use everstep_activities::rate_limit::{self, LimitPage, MeterView};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{desk, refusal, times, url};

/// Meters that a page shows.
const SHOWN: usize = 100;

/// Where the meters begin.
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
        let (engine, namespace) = (&inspector.engine, inspector.namespace.as_str());
        let limits = rate_limit::list(engine, namespace, asked.after.as_deref(), false, SHOWN)?;
        Ok((circuit_breaker::list(engine, namespace)?, limits))
    });
    let (circuits, limits) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Circuits and limits"))
        (region("circuits", &table(&circuits, &viewer)))
        h2 { "Limits" }
        (region("limits", &limits_table(&limits)))
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
            td { (desk::state(tone, word)) }
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
    let said = |()| Flash { text: format!("Circuit {name} is {word}"), is_error: false };
    desk::decided(done.await.map(said), url::CIRCUITS)
}

/// Each limit, and how much of it each key has used up.
fn limits_table(page: &LimitPage) -> Markup {
    if page.limits.is_empty() {
        return html! {
            p.empty { "No limits. A worker declares a command's with " code { "Commands::limit" } "." }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Limit" }
                    th scope="col" { "Key" }
                    th.grow scope="col" { "Used up" }
                    th.num scope="col" { "Left" }
                    th.num scope="col" { "All of it in" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody {
                @for limit in &page.limits {
                    @let meters = page.meters.iter().filter(|one| one.limit == limit.name);
                    tr data-limit=(limit.name) data-key=(limit.name) {
                        th scope="row" { (limit.name) }
                        td.muted colspan="5" {
                            (limit.rate) " in " (times::duration(limit.period_ms))
                            ", " (limit.capacity) " at once"
                        }
                    }
                    @for meter in meters { (meter_line(meter)) }
                }
            }
        }
        @if let Some(after) = &page.next_page_token {
            (desk::more(&url::with_query(url::CIRCUITS, [("after", after.as_str())])))
        }
    }
}

fn meter_line(meter: &MeterView) -> Markup {
    let action = format!("{}/{}/reset", url::LIMITS, url::encode(&meter.limit));
    html! {
        tr data-meter=(meter.key) data-key={ (meter.limit) "/" (meter.key) } {
            td {}
            th scope="row" { (meter.key) }
            td.grow {
                progress max=(meter.capacity) value=(meter.used) aria-label="Used up" {}
                " " (meter.used) " / " (meter.capacity)
            }
            td.num { (meter.available) }
            td.num { (times::duration(meter.full_after_ms)) }
            td {
                form.inline method="post" action=(action) {
                    input type="hidden" name="key" value=(meter.key);
                    button.button { "Forgive" }
                }
            }
        }
    }
}

/// Whose meter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Forgiven {
    key: String,
}

/// `POST /ui/limits/{name}/reset`.
pub(crate) async fn forgive(
    inspector: Inspector,
    Path(name): Path<String>,
    axum::Form(Forgiven { key }): axum::Form<Forgiven>,
) -> Response {
    let own = key.clone();
    let done = inspector
        .engine
        .transact(&inspector.namespace, move |tx| rate_limit::reset(tx, &name, &own));
    let said = |was_used| match was_used {
        true => Flash { text: format!("{key} is forgiven"), is_error: false },
        false => Flash { text: format!("{key} had used up nothing"), is_error: false },
    };
    desk::decided(done.await.map(said), url::CIRCUITS)
}
