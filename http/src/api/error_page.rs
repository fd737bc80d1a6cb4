//! `GET /errors/{code}`: where the `type` of a problem leads.

use axum::http::Uri;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::IntoResponse;

use super::error_code as codes;
use super::json::Answer;
use super::problem::Problem;

/// Explain an error code
///
/// What happened and what to do, as Markdown.
#[utoipa::path(
    get,
    path = "/errors/{code}",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "server",
    params(("code" = String, Path, description = "a problem's `code`")),
    responses(
        (status = 200, description = "the page", body = String, content_type = "text/markdown"),
        (status = 404, description = "no such code"),
    ),
)]
pub(super) async fn error_page(uri: Uri) -> Answer {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let code = codes::find(name).ok_or_else(|| {
        Problem::new(codes::ROUTE_NOT_FOUND, format!("there is no error code `{name}`"))
    })?;
    let mut response = code.page().into_response();
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, markdown);
    Ok(response)
}
