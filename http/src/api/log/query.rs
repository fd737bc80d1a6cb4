//! `POST /api/v1/events/query`.

use axum::extract::{Request, State};
use everstep_engine::{LogPage, QueryInput};

use super::follow::Follow;
use super::target::Page;
use crate::api::json::Answer;
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, body};

/// Read the events of a query
///
/// Those that match at least one item: one of its types, and all of its tags. The answer's
/// `last_position` is what an append's condition names as `after`, once all pages are read. With
/// `Accept: application/x-ndjson` a page comes as lines.
#[utoipa::path(
    post,
    path = "/api/v1/events/query",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("from" = Option<u64>, Query, description = "the first position, inclusive", minimum = 0),
        ("after" = Option<u64>, Query, description = "only events after this position", minimum = 0),
        ("direction" = Option<String>, Query, description = "`forwards` (when absent) or `backwards`"),
        ("page_size" = Option<u64>, Query, description = "events a page; 100 when absent, clamped to 5000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; wins over `from`"),
        ("follow_ms" = Option<u64>, Query, description = "wait so long for a first event, in milliseconds; clamped to 60000"),
        ("schema" = Option<String>, Query, description = "`stored` (when absent): data as they were written; `latest`: in the newest version that the worker declares a schema of"),
        InNamespace,
    ),
    request_body = QueryInput,
    responses(
        (
            status = 200,
            description = "a page",
            content((LogPage = "application/json"), (String = "application/x-ndjson")),
        ),
        (status = 400, description = "no query"),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn query(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let query: QueryInput = body::parse_or_default(&body)?;
    let namespace = namespace(&head.uri)?;
    let follow = Follow { namespace, query: query.into(), page: Page::of(&head.uri)? };
    let wait = Parameters::of(&head.uri).wait("follow_ms")?.unwrap_or_default();
    follow.page(&api, &head.headers, wait).await
}
