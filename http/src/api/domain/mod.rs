//! Routes about the domain's own rules: contexts, schemas, reservations, ids, personal data.

mod contexts;
mod contract_checks;
mod functions;
mod migrations;
mod refusal;
mod reservations;
mod schemas;
mod stream_ids;
mod subjects;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
pub(super) use refusal::of_failure;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(contexts::list))
        .routes(routes!(contexts::contract))
        .routes(routes!(contexts::map))
        .routes(routes!(functions::call))
        .routes(routes!(migrations::list))
        .routes(routes!(contract_checks::check))
        .routes(routes!(contract_checks::violations))
        .routes(routes!(reservations::reserve, reservations::list))
        .routes(routes!(reservations::show))
        .routes(routes!(reservations::confirm))
        .routes(routes!(reservations::release))
        .routes(routes!(schemas::list, schemas::register))
        .routes(routes!(schemas::show))
        .routes(routes!(schemas::validate))
        .routes(routes!(schemas::read))
        .routes(routes!(stream_ids::make))
        .routes(routes!(stream_ids::rotate))
        .routes(routes!(subjects::show, subjects::shred))
        .routes(routes!(subjects::append, subjects::events))
}
