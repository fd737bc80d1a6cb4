//! Logging in to the inspector with a token, and out again; and what a browser is answered that
//! may not come in.
//!
//! Invariant: the token is read from a form and turned into a session; no page and no address ever
//! holds it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Query, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use super::flash::Flash;
use super::icons::Icon;
use super::preferences::{self, Preferences};
use super::{assets, url};
use crate::access::Access;
use crate::api::{Problem, error_code as codes};

/// Where the page was wanted from.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

/// `GET /ui/login`.
pub(super) async fn page(
    Extension(access): Extension<Arc<Access>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    if !access.is_guarded() {
        return Redirect::to(url::LIST).into_response();
    }
    document(&headers, &asked.next, None).into_response()
}

/// The form.
#[derive(Debug, Deserialize)]
pub(super) struct LogIn {
    token: String,
    #[serde(default)]
    next: String,
}

/// `POST /ui/login`.
pub(super) async fn log_in(
    Extension(access): Extension<Arc<Access>>,
    headers: HeaderMap,
    typed: Result<Form<LogIn>, FormRejection>,
) -> Response {
    let Ok(Form(LogIn { token, next })) = typed else {
        let why = "The form did not arrive whole; try again.";
        return (StatusCode::BAD_REQUEST, document(&headers, "", Some(why))).into_response();
    };
    match access.log_in(token.trim()).and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        Some(cookie) => {
            let cookie = AppendHeaders([(header::SET_COOKIE, cookie)]);
            (cookie, Redirect::to(own_page(&next))).into_response()
        }
        None => {
            let why = "This server does not know the token.";
            (StatusCode::UNAUTHORIZED, document(&headers, &next, Some(why))).into_response()
        }
    }
}

/// `POST /ui/logout`.
pub(super) async fn log_out(
    Extension(access): Extension<Arc<Access>>,
    headers: HeaderMap,
) -> Response {
    let spent = HeaderValue::from_str(&access.log_out(&headers));
    let cookies: Vec<_> = spent.into_iter().map(|spent| (header::SET_COOKIE, spent)).collect();
    (AppendHeaders(cookies), Redirect::to(url::LOGIN)).into_response()
}

/// Only pages of the inspector are gone to; anything else could be another site's.
fn own_page(next: &str) -> &str {
    let own = next.starts_with("/ui/") && !next.contains(['\\', '\r', '\n']);
    if own && !next.starts_with(url::LOGIN) { next } else { url::LIST }
}

/// What a request is answered that nobody is known by: a page for people, else a problem.
pub(crate) fn log_in_first(request: &Request, problem: Problem) -> Response {
    let uri = request.uri();
    let live = request.headers().contains_key("x-live") || uri.path() == "/ui/live";
    if !uri.path().starts_with("/ui") || request.headers().contains_key(header::AUTHORIZATION) {
        return problem.into_response();
    }
    match *request.method() {
        Method::POST if live => toast(problem.status(), "You are logged out; log in again"),
        _ if live => problem.into_response(),
        Method::GET => {
            let next = uri.path_and_query().map_or(url::LIST, |path| path.as_str());
            Redirect::to(&url::with_query(url::LOGIN, [("next", next)])).into_response()
        }
        _ => Redirect::to(url::LOGIN).into_response(),
    }
}

/// What a request is answered whose caller may not.
pub(crate) fn denied(request: &Request, problem: Problem) -> Response {
    let form = request.uri().path().starts_with("/ui/") && request.method() == Method::POST;
    // What another site made the browser send is not taken back to where it came from.
    if !form || problem.code() != codes::UNAUTHORIZED.name {
        return problem.into_response();
    }
    let text = problem.detail().to_owned();
    if request.headers().contains_key("x-live") {
        return toast(problem.status(), &text);
    }
    let flash = Flash { text, is_error: true };
    let cookie = AppendHeaders([(header::SET_COOKIE, flash.cookie())]);
    (cookie, Redirect::to(&preferences::back(request.headers()))).into_response()
}

fn toast(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "toast": text, "kind": "error" }))).into_response()
}

fn document(headers: &HeaderMap, next: &str, wrong: Option<&str>) -> Markup {
    let hash = assets::hash();
    let file = |name: &str| assets::address(&hash, name);
    let preferences = Preferences::from_headers(headers);
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[preferences.theme_name()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content=(preferences.theme_name().unwrap_or("light dark"));
                title { "Log in · Everstep" }
                link rel="icon" href=(file("icon.svg")) type="image/svg+xml";
                @for style in ["tokens", "base", "parts"] {
                    link rel="stylesheet" href=(file(&format!("{style}.css")));
                }
            }
            body.login {
                main #main {
                    form method="post" action=(url::LOGIN) {
                        h1 { (Icon::Brand.draw()) " Everstep" }
                        p.muted { "This server asks who you are." }
                        @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
                        label.field {
                            span { "Token" }
                            input type="password" name="token" required autofocus
                                autocomplete="current-password" spellcheck="false";
                        }
                        input type="hidden" name="next" value=(next);
                        button.button.primary type="submit" { "Log in" }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_inspector_are_gone_to() {
        assert_eq!(own_page("/ui/workflows?status=failed"), "/ui/workflows?status=failed");
        for next in ["", "//evil.example", "http://evil.example", "/api/v1", "/ui/login?next=x"] {
            assert_eq!(own_page(next), url::LIST, "{next}");
        }
    }
}
