//! `POST /api/v1/subscriptions`, `PUT` and `DELETE /api/v1/subscriptions/{name}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use everstep_workflows::subscriptions::{SubscriptionSettings, SubscriptionStatus};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking, body};

/// A name with settings.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateSubscription)]
pub(super) struct Asked {
    /// 1 to 128 letters, digits, `-`, `_` and `.`.
    name: String,
    #[schema(value_type = SubscriptionSettings)]
    #[serde(flatten)]
    settings: serde_json::Map<String, serde_json::Value>,
}

/// Create a subscription
///
/// `{"name", "filter"?: {"types"?, "tags"?, "stream_types"?}, "partition_by"?: "stream" |
/// "tag:PREFIX", "start"?: "beginning" | "now" | POSITION, "lease_ms"?, "max_attempts"?,
/// "backoff_ms"?, "max_backoff_ms"?, "max_in_flight"?, "max_parked"?, "on_park"?: "hold" |
/// "continue", "stall_after_ms"?}`. Of the events of one stream (or of one tag `PREFIX:…`) none is
/// handed out while an earlier one is open. One that exists with the same settings stays as it is
/// (200).
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(InNamespace),
    request_body = Asked,
    responses(
        (status = 201, description = "created, as describing it answers", body = SubscriptionStatus),
        (status = 200, description = "it was there with the same settings", body = SubscriptionStatus),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "there is one of this name with other settings"),
        (status = 422, description = "it cannot be"),
    ),
)]
pub(super) async fn create(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let Asked { name, settings } = body::parse(&body)?;
    let settings: SubscriptionSettings = serde_json::from_value(settings.into())
        .map_err(|error| Problem::invalid(error.to_string()))?;
    let is_new = api.subscriptions().create(&namespace, &name, settings).await?;
    let service = api.subscriptions().clone();
    let made = blocking::run(move || service.describe(&namespace, &name)).await?;
    json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &made)
}

/// Change a subscription
///
/// The settings of a creation, without the name: what is not there is the default. Every setting
/// but `filter` and `partition_by` may be another one than before; `start` stays what it was. One
/// that does not exist is created.
#[utoipa::path(
    put,
    path = "/api/v1/subscriptions/{name}",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
    ),
    request_body = SubscriptionSettings,
    responses(
        (status = 200, description = "as describing it answers", body = SubscriptionStatus),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "it is about other events, or other lanes"),
        (status = 422, description = "it cannot be"),
    ),
)]
pub(super) async fn change(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body: settings } =
        Call::<SubscriptionSettings>::read(&api, request).await?;
    api.subscriptions().declare(&namespace, &name, settings).await?;
    let service = api.subscriptions().clone();
    json(StatusCode::OK, &blocking::run(move || service.describe(&namespace, &name)).await?)
}

/// Delete a subscription
///
/// With its checkpoint and its parked events; what consumers hold is theirs no more. The events
/// stay in the log.
#[utoipa::path(
    delete,
    path = "/api/v1/subscriptions/{name}",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
    ),
    responses(
        (status = 204, description = "deleted"),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn delete(
    State(api): State<Api>,
    uri: axum::http::Uri,
) -> Result<Response, Problem> {
    api.subscriptions().delete(&namespace(&uri)?, &super::name(&uri)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
