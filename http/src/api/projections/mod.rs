//! `/api/v1/projections`: what there is, how far it is, its rows, and following them.

mod check;
mod follow;
mod list;
mod problem;
mod rows;
mod steer;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::describe))
        .routes(routes!(check::check))
        .routes(routes!(rows::list))
        .routes(routes!(rows::read))
        .routes(routes!(follow::all))
        .routes(routes!(follow::one))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
}

/// Place of the projection's name among the segments of `/api/v1/projections/{name}/…`.
const NAME: usize = 4;
/// Place of the key in `/api/v1/projections/{name}/rows/{key}`.
const KEY: usize = 6;
