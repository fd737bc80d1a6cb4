//! Refusals: a page for people, problem+json (RFC 9457) for scripts.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use everstep_engine::Rejection;
use maud::html;

use super::inspector::Inspector;
use super::layout::{Page, Section, Viewer};
use super::url;
use crate::api::Problem;

/// The HTTP status of a rejection.
pub(super) fn status(rejection: &Rejection) -> StatusCode {
    Problem::from(rejection.clone()).status()
}

/// A problem document.
pub(super) fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": format!("/errors/{code}"),
        "title": status.canonical_reason().unwrap_or("refused"),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    });
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        Json(body).into_response().into_body(),
    )
        .into_response()
}

/// A rejection as a problem document.
pub(super) fn rejected(rejection: &Rejection) -> Response {
    problem(status(rejection), rejection.code(), &rejection.to_string())
}

/// A rejection as a page.
pub(super) fn page(inspector: &Inspector, headers: &HeaderMap, rejection: &Rejection) -> Response {
    let status = status(rejection);
    let (title, hint) = match rejection {
        Rejection::ScheduleNotFound(_) => {
            ("No such schedule", "It may have been deleted, or the id is of another server.")
        }
        Rejection::WorkflowNotFound(_) => {
            ("No such workflow", "It may have been deleted, or the id is of another server.")
        }
        Rejection::InvalidRequest(_) => ("This address makes no sense", "The link may be cut off."),
        _ => ("The server cannot answer now", "Try again in a moment."),
    };
    sorry(inspector, headers, status, title, &rejection.to_string(), hint)
}

/// `GET` of an address below `/ui` that is none of ours.
pub(super) async fn unknown_page(inspector: Inspector, headers: HeaderMap) -> Response {
    let (title, detail) = ("No such page", "the inspector has no page at this address");
    sorry(&inspector, &headers, StatusCode::NOT_FOUND, title, detail, "The link may be old.")
}

fn sorry(
    inspector: &Inspector,
    headers: &HeaderMap,
    status: StatusCode,
    title: &str,
    detail: &str,
    hint: &str,
) -> Response {
    let body = html! {
        div.empty {
            strong { (title) }
            p { (detail) }
            p { (hint) }
            p { a.button href=(url::LIST) data-back-to-list { "Workflows" } }
        }
    };
    let page = Page { title, section: Section::Workflows, topics: None, body };
    let mut response = page.render(&Viewer::new(inspector, headers)).into_response();
    *response.status_mut() = status;
    response
}
