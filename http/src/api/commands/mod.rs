//! `/api/v1/commands` and `/api/v1/correlations`: wishes, what became of them, what they led to.

mod correlation;
mod events;
mod list;
mod refusal;
mod send;
mod show;
mod target;
mod view;

pub(in crate::api) use refusal::not_taken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

/// The routes with their description.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::types))
        .routes(routes!(send::send, show::show))
        .routes(routes!(events::events))
        .routes(routes!(correlation::correlation))
}
