//! `GET /ui/subscriptions` and `/ui/subscriptions/{name}`: groups of consumers, what waits in them,
//! and their parked events.

use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::Rejection;
use everstep_workflows::subscriptions::{
    ParkedEvent, SubscriptionActivity, SubscriptionError, SubscriptionService, SubscriptionStatus,
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::region::region;
use crate::ui::tone::Tone;
use crate::ui::{icons, refusal, times, url};

/// Parked events that a page shows.
const PARKED_SHOWN: usize = 200;

/// Answers the list.
pub(crate) async fn page(
    inspector: Inspector,
    Extension(service): Extension<SubscriptionService>,
    headers: HeaderMap,
) -> Response {
    let found =
        inspector.read(move |inspector| service.list(&inspector.namespace).map_err(rejection));
    let all = match found.await {
        Ok(all) => all,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        (layout::head("Subscriptions"))
        (region("subscriptions", &table(&all, &viewer)))
    };
    let topics = Some("runs".to_owned());
    Page { title: "Subscriptions", section: Section::Subscriptions, topics, body }.render(&viewer)
}

fn table(all: &[SubscriptionStatus], viewer: &Viewer) -> Markup {
    if all.is_empty() {
        return html! {
            p.empty { "No subscriptions. Create one with " code { "subscriptions create" } "." }
        };
    }
    html! {
        table.list {
            thead {
                tr {
                    th scope="col" { "Subscription" }
                    th scope="col" { "State" }
                    th.num scope="col" { "Lag" }
                    th.num scope="col" { "In flight" }
                    th.num scope="col" { "Resting" }
                    th.num scope="col" { "Parked" }
                    th.num scope="col" { "Consumers" }
                    th.num scope="col" { "Checkpoint" }
                    th scope="col" { "Last settled" }
                }
            }
            tbody { @for one in all { (line(one, viewer)) } }
        }
    }
}

fn line(one: &SubscriptionStatus, viewer: &Viewer) -> Markup {
    html! {
        tr data-subscription=(one.name) {
            th scope="row" { a href=(url::subscription(&one.name)) { (one.name) } }
            td { (state(one)) }
            td.num { (one.lag) }
            td.num { (one.in_flight) }
            td.num { (one.resting) }
            td.num {
                (one.parked)
                @if one.behind > 0 {
                    " " span.chip title="Events that wait behind a parked one" { "+" (one.behind) }
                }
            }
            td.num title="that wait for events now" { (one.polling) }
            td.num { (one.checkpoint) " / " (one.last_position) }
            td { @if let Some(at) = one.progress_at { (times::ago(at, viewer.now)) } @else { "–" } }
        }
    }
}

fn state(one: &SubscriptionStatus) -> Markup {
    let (tone, word) = match one.status {
        SubscriptionActivity::Stalled => (Tone::Failed, "Stalled"),
        SubscriptionActivity::CaughtUp => (Tone::Completed, "Caught up"),
        SubscriptionActivity::Retrying => (Tone::Paused, "Retrying"),
        SubscriptionActivity::Active => (Tone::Running, "Active"),
    };
    html! {
        span class={ "status " (tone.class()) } title=[one.reason.as_deref()] {
            (icons::glyph(tone)) " " (word)
        }
    }
}

/// Answers one subscription's page.
pub(crate) async fn one(
    inspector: Inspector,
    Extension(service): Extension<SubscriptionService>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let wanted = name.clone();
    let found = inspector.read(move |inspector| {
        let namespace = &inspector.namespace;
        let status = service.describe(namespace, &wanted).map_err(rejection)?;
        let parked = service.parked(namespace, &wanted, 0, PARKED_SHOWN).map_err(rejection)?;
        Ok((status, parked))
    });
    let (status, parked) = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let settings = serde_json::to_string_pretty(&status.settings).unwrap_or_default();
    let body = html! {
        (layout::head(&name))
        (region("subscription", &html! {
            (table(std::slice::from_ref(&status), &viewer))
            @if let Some(reason) = &status.reason { p.muted { (reason) } }
            h2 { "Parked events" }
            (parked_table(&name, &parked, &viewer))
            h2 { "Settings" }
            pre { code { (settings) } }
        }))
    };
    let topics = Some("runs".to_owned());
    Page { title: &name, section: Section::Subscriptions, topics, body }.render(&viewer)
}

fn parked_table(name: &str, parked: &[ParkedEvent], viewer: &Viewer) -> Markup {
    if parked.is_empty() {
        return html! { p.empty { "None." } };
    }
    let form = |verb: &str, word: &str, position: Option<u64>| {
        let address = format!("{}/parked/{verb}", url::subscription(name));
        html! {
            form.inline method="post" action=(address) {
                @if let Some(position) = position {
                    input type="hidden" name="position" value=(position);
                }
                button.button { (word) }
            }
        }
    };
    html! {
        p { (form("replay", "Replay all", None)) }
        table.list {
            thead {
                tr {
                    th.num scope="col" { "Position" }
                    th scope="col" { "Lane" }
                    th.num scope="col" { "Attempts" }
                    th.grow scope="col" { "Reason" }
                    th scope="col" { "Parked" }
                    th scope="col" { span.visually-hidden { "Actions" } }
                }
            }
            tbody {
                @for one in parked {
                    tr data-parked=(one.position) {
                        th.num scope="row" { a href=(url::event(one.position)) { (one.position) } }
                        td { (one.key) }
                        td.num { (one.attempts) }
                        td.grow {
                            @if one.is_behind { span.muted { "waits behind" } } @else { (one.reason) }
                        }
                        td { (times::ago(one.parked_at, viewer.now)) }
                        td {
                            @if !one.is_behind {
                                (form("replay", "Replay", Some(one.position))) " "
                                (form("discard", "Discard", Some(one.position)))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is done to parked events.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Replay,
    Discard,
}

/// Which one; all without.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    position: Option<u64>,
}

/// `POST /ui/subscriptions/{name}/parked/{verb}`.
pub(crate) async fn act(
    inspector: Inspector,
    Extension(service): Extension<SubscriptionService>,
    Path((name, verb)): Path<(String, Verb)>,
    axum::Form(asked): axum::Form<Asked>,
) -> Response {
    let namespace = &inspector.namespace;
    let positions = asked.position.map(|position| vec![position]);
    let (done, word) = match verb {
        Verb::Replay => (service.replay(namespace, &name, positions).await, "replayed"),
        Verb::Discard => (service.discard(namespace, &name, positions).await, "discarded"),
    };
    let flash = match done {
        Ok(count) => Flash { text: format!("{count} parked events {word}"), is_error: false },
        Err(error) => Flash { text: error.to_string(), is_error: true },
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(&url::subscription(&name))).into_response()
}

fn rejection(error: SubscriptionError) -> Rejection {
    match error {
        SubscriptionError::Engine(rejection) => rejection,
        error => Rejection::InvalidRequest(error.to_string()),
    }
}
