//! `/api/v1/projections`: what there is, how far it is, its rows, and following them.

mod check;
mod follow;
mod list;
mod problem;
mod quarantine;
mod rebuild;
mod recent;
mod rows;
mod steer;

use axum::extract::Request;
use axum::http::Uri;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::target::{namespace, segment};
use super::{Api, Problem, body};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(list::describe))
        .routes(routes!(check::check))
        .routes(routes!(rows::list))
        .routes(routes!(rows::read))
        .routes(routes!(recent::recent))
        .routes(routes!(follow::all))
        .routes(routes!(follow::one))
        .routes(routes!(steer::pause))
        .routes(routes!(steer::resume))
        .routes(routes!(rebuild::trigger, rebuild::show))
        .routes(routes!(rebuild::pause))
        .routes(routes!(rebuild::resume))
        .routes(routes!(rebuild::cancel))
        .routes(routes!(rebuild::list))
        .routes(routes!(quarantine::list))
        .routes(routes!(quarantine::unquarantine))
        .routes(routes!(quarantine::ignore))
}

/// Place of the projection's name among the segments of `/api/v1/projections/{name}/…`.
const NAME: usize = 4;
/// Place of the key in `/api/v1/projections/{name}/rows/{key}`.
const KEY: usize = 6;

/// A request about one projection, which says nothing more.
struct Call {
    namespace: String,
    name: String,
}

impl Call {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let name = segment(uri, NAME, "projection")?.into_owned();
        Ok(Self { namespace: namespace(uri)?, name })
    }

    /// The body says nothing, but it has to be off the wire before the answer.
    async fn read(api: &Api, request: Request) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        body::read(api, &head.headers, body).await?;
        Self::of(&head.uri)
    }
}
