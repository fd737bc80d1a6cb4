//! `/api/v1/subscriptions`: groups of consumers that share the events of the log.

mod create;
mod list;
mod parked;
mod poll;
mod problem;
mod settle;

use axum::extract::Request;
use axum::http::Uri;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::target::{check_text, namespace, segment};
use super::{Api, Problem, body};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(list::describe, create::change, create::delete))
        .routes(routes!(poll::poll))
        .routes(routes!(settle::ack))
        .routes(routes!(settle::nack))
        .routes(routes!(settle::park))
        .routes(routes!(settle::extend))
        .routes(routes!(parked::list))
        .routes(routes!(parked::replay))
        .routes(routes!(parked::discard))
}

/// Place of the name among the segments of `/api/v1/subscriptions/{name}/…`.
const NAME: usize = 4;

/// The subscription of the path.
fn name(uri: &Uri) -> Result<String, Problem> {
    let name = segment(uri, NAME, "subscription")?;
    check_text("subscription", &name)?;
    Ok(name.into_owned())
}

/// A request about one subscription.
struct Call<B> {
    namespace: String,
    name: String,
    body: B,
}

impl<B: DeserializeOwned + Default> Call<B> {
    /// An empty body says nothing.
    async fn read(api: &Api, request: Request) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let body = body::read(api, &head.headers, body).await?;
        let body = body::parse_or_default(&body)?;
        Ok(Self { namespace: namespace(&head.uri)?, name: name(&head.uri)?, body })
    }
}
