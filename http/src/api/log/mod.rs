//! `/api/v1/events`, `/api/v1/streams` and `/api/v1/scopes`: the event log.
//!
//! Nothing here changes or deletes an event: there are no such routes, and a method that asks for
//! it is answered with 405.

mod append;
mod conflicts;
mod events;
mod follow;
mod form;
mod names;
mod query;
mod schema;
mod scope;
mod state;
mod stream;
mod target;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

pub(crate) use form::{LAST_POSITION, NEXT_PAGE_TOKEN};
pub(super) use schema::Schema;

/// The routes with their description.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(append::append, events::list))
        .routes(routes!(query::query))
        .routes(routes!(events::show))
        .routes(routes!(stream::list))
        .routes(routes!(stream::describe))
        .routes(routes!(state::state))
        .routes(routes!(append::append_to_stream, stream::events))
        .routes(routes!(scope::describe))
        .routes(routes!(scope::events))
        .routes(routes!(names::tags))
        .routes(routes!(names::types))
        .routes(routes!(conflicts::list))
}
