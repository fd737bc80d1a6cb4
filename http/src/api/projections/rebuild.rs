//! `/api/v1/projections/{name}/rebuild` and what is done to a rebuild, `/api/v1/rebuilds`.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::projection_replay::RebuildStatus;
use serde::Serialize;
use utoipa::ToSchema;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking};

/// Rebuilds of projections.
#[derive(Serialize, ToSchema)]
#[schema(as = Rebuilds)]
pub(super) struct List {
    rebuilds: Vec<RebuildStatus>,
}

/// Rebuild a projection
///
/// Its rows are made anew from the first event on, beside those that are there: these are read and
/// kept until all of the new ones are, so nobody sees half of them. Five rebuilds of a namespace
/// take in events at once; the others wait for their turn.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/rebuild",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 202, description = "it was begun", body = RebuildStatus),
        (status = 404, description = "no such projection or namespace"),
        (status = 409, description = "it is being rebuilt already"),
    ),
)]
pub(super) async fn trigger(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name } = Call::read(&api, request).await?;
    json(StatusCode::ACCEPTED, &api.projections().rebuild(&namespace, &name).await?)
}

/// Show a rebuild
///
/// The one that goes on, or else the last one: how far it is, and how much longer it takes.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/rebuild",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "where it stands", body = RebuildStatus),
        (status = 404, description = "no such projection or namespace, or it was never rebuilt"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let Call { namespace, name } = Call::of(&uri)?;
    let service = api.projections().clone();
    json(StatusCode::OK, &blocking::run(move || service.rebuild_status(&namespace, &name)).await?)
}

/// Pause a rebuild
///
/// It waits behind the chunk that it is at, over restarts.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/rebuild/pause",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "where it stands", body = RebuildStatus),
        (status = 404, description = "no such projection or namespace, or it was never rebuilt"),
        (status = 409, description = "it does not run"),
    ),
)]
pub(super) async fn pause(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name } = Call::read(&api, request).await?;
    json(StatusCode::OK, &api.projections().pause_rebuild(&namespace, &name).await?)
}

/// Resume a rebuild
///
/// It goes on behind the last chunk that it took in.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/rebuild/resume",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "where it stands", body = RebuildStatus),
        (status = 404, description = "no such projection or namespace, or it was never rebuilt"),
        (status = 409, description = "it is over"),
    ),
)]
pub(super) async fn resume(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name } = Call::read(&api, request).await?;
    json(StatusCode::OK, &api.projections().resume_rebuild(&namespace, &name).await?)
}

/// Cancel a rebuild
///
/// The rows that were there are read on; what it has made goes. `events_processed` says how far it
/// had come.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/rebuild/cancel",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "where it stood", body = RebuildStatus),
        (status = 404, description = "no such projection or namespace, or it was never rebuilt"),
        (status = 409, description = "it is over"),
    ),
)]
pub(super) async fn cancel(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name } = Call::read(&api, request).await?;
    json(StatusCode::OK, &api.projections().cancel_rebuild(&namespace, &name).await?)
}

/// List rebuilds
///
/// The last one of each projection, by name; with `?status=active` those alone that go on.
#[utoipa::path(
    get,
    path = "/api/v1/rebuilds",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("status" = Option<String>, Query, description = "`active`: only those that run or are paused"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the rebuilds", body = List),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let only_active = match Parameters::of(&uri).text("status")?.as_deref() {
        None => false,
        Some("active") => true,
        Some(other) => {
            let what = format!("parameter `status` must be `active`, found `{other}`");
            return Err(Problem::invalid(what));
        }
    };
    let service = api.projections().clone();
    let rebuilds = blocking::run(move || service.rebuilds(&namespace, only_active)).await?;
    json(StatusCode::OK, &List { rebuilds })
}
