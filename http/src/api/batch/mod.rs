//! `/api/v1/batch`: one act on every run that a filter of the list names.

mod begin;
mod body;
mod describe;
mod list;

use axum::routing::post;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

/// The routes with their description.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(begin::signal))
        .routes(routes!(begin::cancel))
        .routes(routes!(begin::terminate))
        .routes(routes!(begin::reset))
        .routes(routes!(describe::describe))
        .route("/api/v1/batch/{batch_id}", post(begin::unknown))
}
