//! `GET /ui/streams/{stream}`: what a stream's entity is, or was after any of its events.

use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_activities::commands::{AggregateReader, At, StateError, StateView};
use everstep_engine::log::StreamId;
use everstep_engine::{Rejection, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::ui::inspector::Inspector;
use crate::ui::layout::{self, Page, Section, Viewer};
use crate::ui::{refusal, times, url};

/// Which state.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    version: Option<u64>,
    #[serde(default)]
    at: String,
}

/// Answers the page.
pub(crate) async fn page(
    inspector: Inspector,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let stream = StreamId::from(name.as_str());
    let found = inspector.read(move |inspector| {
        let at = match asked {
            Asked { version: Some(version), .. } => At::Version(version),
            Asked { at, .. } if at.is_empty() => At::Now,
            Asked { at, .. } => At::Time(at.parse::<Timestamp>().map_err(|error| {
                Rejection::InvalidRequest(format!("`{at}` is no time: {error}"))
            })?),
        };
        let reader = AggregateReader::new(inspector.engine.clone(), inspector.namespace.as_str());
        match reader.view(&stream, at) {
            Ok(view) => Ok(Ok(view)),
            Err(StateError::Engine(rejection)) => Err(rejection),
            Err(error) => Ok(Err(error)),
        }
    });
    let found = match found.await {
        Ok(found) => found,
        Err(rejection) => return refusal::page(&inspector, &headers, &rejection),
    };
    let viewer = Viewer::new(&inspector, &headers);
    let body = html! {
        header.head {
            (layout::drawer())
            h1 tabindex="-1" { (name) }
            span.push {}
            a.button href=(url::stream(&name)) { "Events" }
        }
        @match &found {
            Ok(view) => (shown(&name, view, inspector.engine.hides_values(), &viewer)),
            Err(error) => p.empty { (error) },
        }
    };
    Page { title: &name, section: Section::Events, topics: None, body }.render(&viewer)
}

fn shown(name: &str, view: &StateView, hides_values: bool, viewer: &Viewer) -> Markup {
    let at = |version: u64| {
        let version = version.to_string();
        url::with_query(&url::stream_state(name), [("version", version.as_str())])
    };
    html! {
        form.filters method="get" action=(url::stream_state(name)) {
            label {
                "Version "
                input type="range" name="version" min="0" max=(view.newest_version)
                    value=(view.version) aria-label="Version";
            }
            button.button type="submit" { "Show" }
            @if let Some(before) = view.version.checked_sub(1) {
                a.button.small href=(at(before)) rel="prev" { "Earlier" }
            }
            @if view.version < view.newest_version {
                a.button.small href=(at(view.version + 1)) rel="next" { "Later" }
                a.button.small href=(url::stream_state(name)) { "Now" }
            }
        }
        form.filters method="get" action=(url::stream_state(name)) {
            label { "At " input name="at" placeholder="2026-01-31T12:00:00Z" autocomplete="off"; }
            button.button type="submit" { "Show" }
        }
        p #state-version data-version=(view.version) {
            "After " (view.version) " of " (view.newest_version) " events"
            @if view.position > 0 {
                ", the last one at " a href=(url::event(view.position)) { (view.position) }
            }
            @if let Some(recorded_at) = view.recorded_at {
                ", " (times::ago(recorded_at, viewer.now))
            }
            "."
        }
        @if hides_values {
            p.empty { "Values are hidden here." }
        } @else {
            pre #state { code { (pretty(view)) } }
        }
    }
}

fn pretty(view: &StateView) -> String {
    let state = view.state.to::<serde_json::Value>().ok();
    let pretty = state.and_then(|state| serde_json::to_string_pretty(&state).ok());
    pretty.unwrap_or_else(|| view.state.as_str().to_owned())
}
