//! A projection's rebuild with its progress, and the events that its code refuses; what is done
//! about both.

use axum::extract::{Extension, Path};
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::Timestamp;
use everstep_workflows::projection_replay::{RebuildStatus, ReplayStatus};
use everstep_workflows::projections::{ProjectionService, Quarantined, Release};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::flash::Flash;
use crate::ui::inspector::Inspector;
use crate::ui::tone::Tone;
use crate::ui::{icons, times, url};

/// The bar with its numbers, as a list shows it.
pub(super) fn progress(rebuild: &RebuildStatus) -> Markup {
    html! {
        progress max="1000" value=(format!("{:.0}", rebuild.percent_complete * 10.0))
            aria-label={ "Rebuild of " (rebuild.projection) } {}
        " " span.num { (format!("{:.1}", rebuild.percent_complete)) " %" }
    }
}

/// The card of a projection's last rebuild, or the button that begins the first.
pub(super) fn card(name: &str, rebuild: Option<&RebuildStatus>, now: Timestamp) -> Markup {
    let active = rebuild.is_some_and(|rebuild| rebuild.status.is_active());
    html! {
        section.card aria-label="Rebuild" data-rebuild=[rebuild.map(|one| one.status.name())] {
            div.card-head {
                h2 { "Rebuild" }
                @if let Some(rebuild) = rebuild { (pill(rebuild.status)) }
                span.push {}
                @match rebuild.filter(|_| active).map(|rebuild| rebuild.status) {
                    Some(ReplayStatus::Paused) => { (button(name, "resume", "Resume")) " " (button(name, "cancel", "Cancel")) }
                    Some(_) => { (button(name, "pause", "Pause")) " " (button(name, "cancel", "Cancel")) }
                    None => (button(name, "begin", "Rebuild")),
                }
            }
            div.card-body {
                @match rebuild {
                    None => p.muted { "Its rows are made anew from the first event on, beside those that are read until all of the new ones are there." },
                    Some(rebuild) => (facts(rebuild, now)),
                }
            }
        }
    }
}

fn facts(rebuild: &RebuildStatus, now: Timestamp) -> Markup {
    html! {
        p #rebuild-progress { (progress(rebuild)) }
        dl.facts {
            div { dt { "Events" } dd.num { (rebuild.events_processed) " of " (rebuild.total_events) } }
            div { dt { "Chunks" } dd.num { (rebuild.chunks_completed) " of up to " (rebuild.chunk_size) " events" } }
            @if let Some(ms) = rebuild.estimated_remaining_ms {
                div { dt { "Remaining" } dd { "about " (times::duration(ms)) } }
            }
            div { dt { "Started" } dd { (times::ago(rebuild.started_at, now)) } }
            @if let Some(at) = rebuild.completed_at {
                div { dt { "Took" } dd { (times::duration(at.millis_since(rebuild.started_at))) } }
            }
        }
        @if let Some(error) = &rebuild.error { p.why.bad { (error) } }
    }
}

fn pill(status: ReplayStatus) -> Markup {
    let (tone, word) = match status {
        ReplayStatus::Running => (Tone::Running, "Running"),
        ReplayStatus::Paused => (Tone::Paused, "Paused"),
        ReplayStatus::Completed => (Tone::Completed, "Completed"),
        ReplayStatus::Failed => (Tone::Failed, "Failed"),
        ReplayStatus::Cancelled => (Tone::Cancelled, "Cancelled"),
    };
    html! { span class={ "status " (tone.class()) } { (icons::glyph(tone)) " " (word) } }
}

fn button(name: &str, verb: &str, word: &str) -> Markup {
    let address = format!("{}/rebuild/{verb}", url::projection(name));
    html! { form.inline method="post" action=(address) { button.button { (word) } } }
}

/// The events that the projection's code refuses.
pub(super) fn quarantine(name: &str, events: &[Quarantined], now: Timestamp) -> Markup {
    html! {
        @if !events.is_empty() {
            section.card aria-label="Quarantined events" {
                div.card-head { h2 { "Quarantined events" } span.muted.push { "their rows wait; all others go on" } }
                table {
                    thead {
                        tr {
                            th scope="col" { "Event" } th scope="col" { "Row" }
                            th.grow scope="col" { "Why" } th.num scope="col" { "Waiting" }
                            th scope="col" { "Since" }
                            th scope="col" { span.visually-hidden { "Actions" } }
                        }
                    }
                    tbody { @for event in events { (quarantined(name, event, now)) } }
                }
            }
        }
    }
}

fn quarantined(name: &str, event: &Quarantined, now: Timestamp) -> Markup {
    let position = event.position;
    let address = |verb: &str| format!("{}/quarantine/{position}/{verb}", url::projection(name));
    html! {
        tr data-quarantined=(position) data-key={ (position) "/" (event.key) } {
            td { a href={ "/ui/events/" (position) } { (event.event_type) " " (position) } }
            td { (event.key) }
            td.grow { span.why.bad { (event.error) } }
            td.num { (event.waiting) }
            td { (times::ago(event.quarantined_at, now)) }
            td {
                form.inline method="post" action=(address("unquarantine")) { button.button { "Unquarantine" } }
                " "
                form.inline method="post" action=(address("ignore")) { button.button { "Ignore" } }
            }
        }
    }
}

/// What is done to a rebuild.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RebuildVerb {
    Begin,
    Pause,
    Resume,
    Cancel,
}

/// `POST /ui/projections/{name}/rebuild/{verb}`.
pub(crate) async fn steer(
    inspector: Inspector,
    Extension(service): Extension<ProjectionService>,
    Path((name, verb)): Path<(String, RebuildVerb)>,
) -> Response {
    let namespace = &inspector.namespace;
    let (done, word) = match verb {
        RebuildVerb::Begin => (service.rebuild(namespace, &name).await, "begun"),
        RebuildVerb::Pause => (service.pause_rebuild(namespace, &name).await, "paused"),
        RebuildVerb::Resume => (service.resume_rebuild(namespace, &name).await, "resumed"),
        RebuildVerb::Cancel => (service.cancel_rebuild(namespace, &name).await, "cancelled"),
    };
    back(&name, done.map(|_| format!("Rebuild of {name} {word}")))
}

/// What is done about a quarantined event.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QuarantineVerb {
    Unquarantine,
    Ignore,
}

/// `POST /ui/projections/{name}/quarantine/{position}/{verb}`.
pub(crate) async fn release(
    inspector: Inspector,
    Extension(service): Extension<ProjectionService>,
    Path((name, position, verb)): Path<(String, u64, QuarantineVerb)>,
) -> Response {
    let (release, word) = match verb {
        QuarantineVerb::Unquarantine => (Release::Reprocess, "taken in"),
        QuarantineVerb::Ignore => (Release::Ignore, "ignored"),
    };
    let done = service.release(&inspector.namespace, &name, position, release).await;
    back(&name, done.map(|_| format!("Event {position} {word}")))
}

fn back<E: std::fmt::Display>(name: &str, done: Result<String, E>) -> Response {
    let flash = match done {
        Ok(text) => Flash { text, is_error: false },
        Err(error) => Flash { text: error.to_string(), is_error: true },
    };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(&url::projection(name))).into_response()
}
