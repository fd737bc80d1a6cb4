//! `GET /api/v1/scopes/{scope}` and `/{scope}/events`: consistency boundaries.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use everstep_engine::log::Query;
use everstep_engine::{LogPage, ScopeDescription, Timestamp};

use super::follow::{Follow, stream, wants_stream};
use super::target::{Page, scope};
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

/// Describe a scope
///
/// Its version counts the appends that have touched it, not the events; 0 for one that nothing
/// has.
#[utoipa::path(
    get,
    path = "/api/v1/scopes/{scope}",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("scope" = String, Path, description = "the key, `tenant:TENANT:TYPE:ID`", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the scope", body = ScopeDescription),
        (status = 404, description = "no such namespace"),
        (status = 422, description = "no scope key"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, (key, scope)) = (namespace(&uri)?, scope(&uri)?);
    let name = key.into_owned();
    let described = blocking::read(&api, move |engine| {
        let log = engine.log(&namespace)?;
        let reader = log.reader();
        let head = reader.scope_head(&name)?;
        let last = reader.event(head.last_position)?.filter(|_| head.events > 0);
        let at = last.map(|event| Timestamp::from_millis(event.recorded_at_ms()));
        Ok(ScopeDescription {
            scope: name,
            tenant_id: scope.tenant_id.into(),
            scope_type: scope.scope_type.into(),
            scope_id: scope.scope_id.into(),
            version: head.commits,
            events: head.events,
            last_updated_at: at,
        })
    });
    json(StatusCode::OK, &described.await?)
}

/// Read a scope's events
///
/// From all its streams, in the order of their positions; with `Accept: text/event-stream` live,
/// with `Accept: application/x-ndjson` as lines.
#[utoipa::path(
    get,
    path = "/api/v1/scopes/{scope}/events",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("scope" = String, Path, description = "the key, `tenant:TENANT:TYPE:ID`", min_length = 1, max_length = 512),
        ("from" = Option<u64>, Query, description = "the first position, inclusive", minimum = 0),
        ("after" = Option<u64>, Query, description = "only events after this position", minimum = 0),
        ("direction" = Option<String>, Query, description = "`forwards` (when absent) or `backwards`"),
        ("page_size" = Option<u64>, Query, description = "events a page; 100 when absent, clamped to 5000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; wins over `from`"),
        ("follow_ms" = Option<u64>, Query, description = "wait so long for a first event, in milliseconds; clamped to 60000"),
        ("schema" = Option<String>, Query, description = "`stored` (when absent): data as they were written; `latest`: in the newest version that the worker declares a schema of"),
        InNamespace,
        ("Last-Event-ID" = Option<u64>, Header, description = "for server-sent events: the last position that was received"),
    ),
    responses(
        (
            status = 200,
            description = "a page",
            content((LogPage = "application/json"), (String = "application/x-ndjson")),
        ),
        (status = 404, description = "no such namespace"),
        (status = 422, description = "no scope key"),
    ),
)]
pub(super) async fn events(State(api): State<Api>, uri: Uri, headers: HeaderMap) -> Answer {
    let (key, _) = scope(&uri)?;
    let query = Query::tags([key.into_owned()]);
    let follow = Follow { namespace: namespace(&uri)?, query, page: Page::of(&uri)? };
    if wants_stream(&headers) {
        return stream(&api, follow, &headers);
    }
    let wait = Parameters::of(&uri).wait("follow_ms")?.unwrap_or_default();
    follow.page(&api, &headers, wait).await
}
