//! `/api/v1/projections/{name}/quarantine`: events that a projection's code refuses.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::projections::{Quarantined, Release};
use serde::Serialize;
use utoipa::ToSchema;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, segment};
use crate::api::{Api, Problem, blocking};

/// Place of the position in `/api/v1/projections/{name}/quarantine/{position}/…`.
const POSITION: usize = 6;

/// Events that were set aside.
#[derive(Serialize, ToSchema)]
#[schema(as = Quarantine)]
pub(super) struct List {
    quarantined: Vec<Quarantined>,
}

/// What became of an event and of those that waited behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = Unquarantined)]
pub(super) struct Released {
    /// Events that were taken care of.
    events: u64,
}

/// List quarantined events
///
/// Events that the projection's code has refused three times, in the order of their positions. The
/// row that such an event is for waits with all its later events; every other row goes on.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/quarantine",
    security(("token" = ["operator"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the events", body = List),
        (status = 404, description = "no such projection or namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let Call { namespace, name } = Call::of(&uri)?;
    let service = api.projections().clone();
    let quarantined = blocking::run(move || service.quarantined(&namespace, &name)).await?;
    json(StatusCode::OK, &List { quarantined })
}

/// Unquarantine an event
///
/// It is given to the projection's code again, and then, in order, what waits behind it; the record
/// goes. One that is refused still stays where it is.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/quarantine/{position}/unquarantine",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        ("position" = u64, Path, description = "the event's position", minimum = 1),
        InNamespace,
    ),
    responses(
        (status = 200, description = "its rows are up to date", body = Released),
        (status = 404, description = "no such projection or namespace, or the event is not quarantined"),
        (status = 422, description = "the projection's code refuses the event, or one behind it, still"),
    ),
)]
pub(super) async fn unquarantine(State(api): State<Api>, request: Request) -> Answer {
    release(&api, request, Release::Reprocess).await
}

/// Leave a quarantined event out
///
/// For good: its rows go on, in order, with what waits behind it; the record goes. A rebuild meets
/// the event again.
#[utoipa::path(
    post,
    path = "/api/v1/projections/{name}/quarantine/{position}/ignore",
    security(("token" = ["admin"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        ("position" = u64, Path, description = "the event's position", minimum = 1),
        InNamespace,
    ),
    responses(
        (status = 200, description = "its rows are up to date but for the event", body = Released),
        (status = 404, description = "no such projection or namespace, or the event is not quarantined"),
        (status = 422, description = "the projection's code refuses an event behind it"),
    ),
)]
pub(super) async fn ignore(State(api): State<Api>, request: Request) -> Answer {
    release(&api, request, Release::Ignore).await
}

async fn release(api: &Api, request: Request, release: Release) -> Answer {
    let text = segment(request.uri(), POSITION, "position")?.into_owned();
    let position = text
        .parse()
        .map_err(|_| Problem::invalid(format!("position `{text}` is no number from 1")))?;
    let Call { namespace, name } = Call::read(api, request).await?;
    let events = api.projections().release(&namespace, &name, position, release).await?;
    json(StatusCode::OK, &Released { events })
}
