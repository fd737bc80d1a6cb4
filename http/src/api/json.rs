//! Answers as JSON.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Problem;
use super::error_code as codes;

/// What a handler gives back.
pub(super) type Answer = Result<Response, Problem>;

/// An answer with a JSON body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => Ok(json_text(status, body)),
        Err(error) => Err(Problem::new(
            codes::INTERNAL_ERROR,
            format!("failed to write the answer as json: {error}"),
        )),
    }
}

/// An answer whose body is JSON already.
pub(super) fn json_text(status: StatusCode, body: impl IntoResponse) -> Response {
    let mut response = (status, body).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// `202 {}`: recorded, and acted on by the engine in its own time.
pub(super) fn accepted() -> Response {
    json_text(StatusCode::ACCEPTED, "{}")
}
