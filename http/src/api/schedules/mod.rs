//! `/api/v1/schedules`: workflows that start by the clock.

mod backfill;
mod body;
mod create;
mod delete;
mod describe;
mod list;
mod pause;
mod preview;
mod resume;
mod target;
mod trigger;
mod update;

use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

/// The routes with their description.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(describe::describe, update::update, delete::delete))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
        .routes(routes!(trigger::trigger))
        .routes(routes!(backfill::backfill))
        .routes(routes!(preview::preview))
        // A schedule may well be called `preview`.
        .route(preview::PATH, get(describe::describe).put(update::update).delete(delete::delete))
}
