//! `GET /api/v1/subscriptions` and `…/{name}`: what there is and how it is.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_workflows::subscriptions::SubscriptionStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

/// All subscriptions.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriptions)]
pub(super) struct List {
    subscriptions: Vec<SubscriptionStatus>,
}

/// List subscriptions
///
/// Each with `name`, `settings`, `status` (`caught_up`: nothing to do; `active`; `retrying`: what
/// is open rests; `stalled`: there is something to do and for `stall_after_ms` nothing was, with
/// the `reason`), `checkpoint`, `last_position`, `lag`, `in_flight`, `resting`, `parked`, `behind`,
/// `held_lanes`, `polling`, `acknowledged`, `retried`, `created_at`, `progress_at`?.
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions",
    security(("token" = ["viewer"])),
    tag = "subscriptions",
    params(InNamespace),
    responses(
        (status = 200, description = "all of them, by name", body = List),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let service = api.subscriptions().clone();
    let subscriptions = blocking::run(move || service.list(&namespace)).await?;
    json(StatusCode::OK, &List { subscriptions })
}

/// Describe a subscription
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions/{name}",
    security(("token" = ["viewer"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "how it is, as in the list", body = SubscriptionStatus),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, name) = (namespace(&uri)?, super::name(&uri)?);
    let service = api.subscriptions().clone();
    json(StatusCode::OK, &blocking::run(move || service.describe(&namespace, &name)).await?)
}
