//! `GET /api/v1/projections/{name}/rows/{key}/recent`: a durable row and what is not in it yet.
//!
//! Invariant: who may read follows from the projection's category, before anything is read.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::{LoggedEvent, Payload, Rejection};
use everstep_workflows::projections::{ProjectionError, RecentRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{KEY, NAME};
use crate::access::Caller;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, blocking};

/// A durable row, and the events after it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecentRow)]
struct RecentView {
    /// Its key.
    key: String,
    /// What the durable row holds; null where there is none.
    #[schema(value_type = Option<Object>)]
    state: Option<Payload>,
    /// The last event that changed the durable row; 0 where none did.
    position: u64,
    /// Every event up to here is in the durable rows.
    durable_position: u64,
    /// The newest event of the namespace: follow the row from here.
    last_position: u64,
    /// The row's events that are not in the durable row, in order, in the newest version of their
    /// schemas.
    events: Vec<LoggedEvent>,
}

impl TryFrom<RecentRow> for RecentView {
    type Error = Rejection;

    fn try_from(recent: RecentRow) -> Result<Self, Rejection> {
        Ok(Self {
            key: recent.key,
            state: recent.state,
            position: recent.position,
            durable_position: recent.durable_position,
            last_position: recent.last_position,
            events: recent.events.iter().map(LoggedEvent::try_from).collect::<Result<_, _>>()?,
        })
    }
}

/// Read a durable row and the events after it
///
/// For clients that fold events themselves, with the code that the server has: begin with `state`,
/// fold `events`, and follow the row with `events=true` from `last_position` on. No row is no error:
/// `state` is null.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/rows/{key}/recent",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        ("key" = String, Path, description = "the row's key"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the durable row and the events after it", body = RecentView),
        (status = 403, description = "`INTERNAL_ONLY` or `ADMIN_ONLY`"),
        (status = 404, description = "no such projection or namespace"),
        (status = 503, description = "the projection is too far behind the events"),
    ),
)]
pub(super) async fn recent(State(api): State<Api>, Caller(caller): Caller, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let name = segment(&uri, NAME, "projection")?.into_owned();
    let key = segment(&uri, KEY, "row")?.into_owned();
    check_text("row", &key)?;
    let service = api.projections().clone();
    let recent = blocking::run(move || {
        service.category(&name)?.check_reader(&name, caller.role())?;
        let recent = service.recent(&namespace, &name, &key)?;
        RecentView::try_from(recent).map_err(ProjectionError::from)
    });
    json(StatusCode::OK, &recent.await?)
}
