//! How someone likes to see the pages: theme, time zone and namespace, kept in cookies so that the
//! first frame is right.

use axum::Form;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::Rejection;
use maud::{Markup, html};
use serde::Deserialize;

use super::inspector::Inspector;
use super::{flash, refusal, url};

/// Light, dark or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

/// Whose time is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Zone {
    #[default]
    Utc,
    Local,
}

/// One person's choices.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preferences {
    pub(super) theme: Theme,
    pub(super) zone: Zone,
}

impl Preferences {
    /// The choices that a request brings along.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let theme = match flash::cookie(headers, "everstep_theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        let zone = match flash::cookie(headers, "everstep_zone") {
            Some("local") => Zone::Local,
            _ => Zone::Utc,
        };
        Self { theme, zone }
    }

    /// The theme's name for the root element; none for the system's.
    pub(super) const fn theme_name(self) -> Option<&'static str> {
        match self.theme {
            Theme::Auto => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    /// The zone's name for the root element.
    pub(super) const fn zone_name(self) -> &'static str {
        match self.zone {
            Zone::Utc => "utc",
            Zone::Local => "local",
        }
    }

    /// The two switches.
    pub(super) fn switches(self) -> Markup {
        let theme = self.theme_name().unwrap_or("auto");
        html! {
            (switch("theme", "Theme", theme, &[("auto", "Auto"), ("light", "Light"), ("dark", "Dark")]))
            (switch("zone", "Time zone", self.zone_name(), &[("utc", "UTC"), ("local", "Local")]))
        }
    }
}

fn switch(name: &str, label: &str, chosen: &str, choices: &[(&str, &str)]) -> Markup {
    html! {
        form.switch method="post" action="/ui/preferences" role="group" aria-label=(label) {
            @for (value, word) in choices {
                button type="submit" name=(name) value=(value) data-set=(name) data-to=(value)
                    aria-pressed=(if *value == chosen { "true" } else { "false" }) { (word) }
            }
        }
    }
}

/// A choice made without scripts.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    theme: Option<String>,
    zone: Option<String>,
    namespace: Option<String>,
}

/// Remembers the choice and goes back to where it was made.
pub(super) async fn save(
    inspector: Inspector,
    headers: HeaderMap,
    Form(choice): Form<Choice>,
) -> Response {
    if let Some(namespace) = choice.namespace {
        let reached = inspector.caller.reaches(&namespace);
        return match inspector.engine.check_namespace(&namespace) {
            Ok(()) if !reached => {
                let rejection = Rejection::NamespaceNotFound(namespace);
                refusal::page(&inspector, &headers, &rejection)
            }
            // What was looked at is of another namespace.
            Ok(()) => {
                let cookies: Vec<_> = remember("namespace", &namespace).into_iter().collect();
                (AppendHeaders(cookies), Redirect::to(url::LIST)).into_response()
            }
            Err(rejection) => refusal::page(&inspector, &headers, &rejection),
        };
    }
    let known = |value: Option<String>, names: &[&'static str]| {
        value.and_then(|value| names.iter().copied().find(|name| *name == value))
    };
    let cookies: Vec<_> = [
        ("theme", known(choice.theme, &["auto", "light", "dark"])),
        ("zone", known(choice.zone, &["utc", "local"])),
    ]
    .into_iter()
    .filter_map(|(name, value)| remember(name, value?))
    .collect();
    (AppendHeaders(cookies), Redirect::to(&back(&headers))).into_response()
}

fn remember(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let cookie = format!("everstep_{name}={value}; Path=/ui; Max-Age=31536000; SameSite=Strict");
    Some((header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?))
}

/// The inspector's page that the request came from, without the server's name.
pub(super) fn back(headers: &HeaderMap) -> String {
    headers
        .get(header::REFERER)
        .and_then(|value| value.to_str().ok())
        .and_then(|from| from.split_once("://"))
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
        .filter(|path| path.starts_with("/ui/"))
        .unwrap_or(url::LIST)
        .to_owned()
}
