//! The HTTP API: one file a route, `POST /api/v1/workflows` in `start`, and so on.
//!
//! A handler reads the request (`target` the path, `parameters` the query string, `body` the
//! body), asks the engine and writes the answer as JSON; whatever goes wrong on the way is a
//! [`Problem`]. The OpenAPI document is generated from the handlers.
//!
//! Invariants:
//! - every refusal is a problem with a code from [`error_code`], never a 5xx for what a client
//!   sent;
//! - what was refused left nothing behind: all of a request is checked before the engine hears
//!   of it;
//! - every wait has a bound, and ends early when the server drains.

mod activity;
mod agents;
mod backup;
mod batch;
mod blocking;
mod body;
mod cancel;
mod circuits;
mod clock;
mod commands;
mod count;
mod dead_letters;
mod delete;
mod describe;
mod domain;
pub mod error_code;
mod error_page;
mod events;
mod export;
mod follow;
mod history;
mod idempotency;
mod json;
mod limits;
mod list;
mod log;
mod namespaces;
mod openapi;
mod parameters;
mod pause;
mod payload;
mod percent;
mod problem;
mod process_managers;
mod projections;
mod publications;
mod query;
mod queue;
mod reset;
mod result;
mod resume;
mod retry;
mod sagas;
mod schedules;
mod signal;
mod start;
mod state;
mod subscriptions;
mod target;
mod terminate;
mod trace;
mod update;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use backup::BackupDesk;
pub(crate) use log::{LAST_POSITION, NEXT_PAGE_TOKEN};
pub(crate) use parameters::Parameters;
pub use problem::Problem;
pub(crate) use state::{Api, Limits, Setup};

/// The API's routes with their description; the clock's only where it can be moved.
pub(crate) fn routes(manual_clock: bool) -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new()
        .routes(routes!(start::start, list::list))
        .routes(routes!(count::count))
        .routes(routes!(count::attributes))
        .routes(routes!(describe::describe, delete::delete))
        .routes(routes!(result::result))
        .routes(routes!(history::history))
        .routes(routes!(payload::payload))
        .routes(routes!(events::events))
        .routes(routes!(export::export))
        .routes(routes!(export::export_page))
        .routes(routes!(signal::signal))
        .routes(routes!(query::query))
        .routes(routes!(update::update, update::outcome))
        .routes(routes!(cancel::cancel))
        .routes(routes!(terminate::terminate))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
        .routes(routes!(queue::list))
        .routes(routes!(queue::describe, queue::set, queue::reset))
        .routes(routes!(activity::complete))
        .routes(routes!(activity::fail))
        .routes(routes!(activity::heartbeat))
        .routes(routes!(reset::reset))
        .routes(routes!(retry::activity))
        .routes(routes!(retry::task))
        .routes(routes!(namespaces::list, namespaces::create))
        .routes(routes!(namespaces::show, namespaces::update, namespaces::delete))
        .routes(routes!(error_page::error_page))
        .routes(routes!(backup::backup))
        .merge(batch::routes())
        .merge(log::routes())
        .merge(commands::routes())
        .merge(projections::routes())
        .merge(subscriptions::routes())
        .merge(agents::routes())
        .merge(domain::routes())
        .merge(dead_letters::routes())
        .merge(circuits::routes())
        .merge(limits::routes())
        .merge(publications::routes())
        .merge(sagas::routes())
        .merge(process_managers::routes())
        .merge(schedules::routes());
    if manual_clock { routes.routes(routes!(clock::advance)) } else { routes }
}

/// Where the document that describes the routes is served.
pub(crate) const DESCRIPTION: &str = "/api/v1/openapi.json";

/// Serves the document that describes the routes.
pub(crate) fn description<S>(mut document: OpenApi) -> Result<Router<S>, serde_json::Error>
where
    S: Clone + Send + Sync + 'static,
{
    openapi::complete(&mut document);
    let document = Bytes::from(document.to_json()?);
    Ok(Router::new().route(DESCRIPTION, get(openapi::serve).with_state(document)))
}
