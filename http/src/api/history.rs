//! `GET /api/v1/workflows/{id}/history`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::HistoryEvent;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use super::follow::{Follower, page};
use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, Problem};

const DEFAULT_PAGE_SIZE: usize = 1_000;
const MAX_PAGE_SIZE: usize = 5_000;

/// A page of a history, as the OpenAPI document describes it.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryPage)]
pub(super) struct HistoryPageSchema {
    /// The events in order.
    events: Vec<HistoryEventSchema>,
    /// Pass as `page_token` to get the next page.
    next_page_token: Option<String>,
}

/// One event of a history. Beside these fields stand the attributes of its type.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEvent)]
pub(super) struct HistoryEventSchema {
    /// Its number in the run's history, from 1.
    #[schema(minimum = 1)]
    event_id: u64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(schema_with = event_type)]
    kind: String,
    /// When it was recorded, RFC 3339.
    at: String,
}

/// The names of all event types.
fn event_type() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(HistoryEvent::NAMES.iter().copied()))
        .into()
}

/// Read a workflow's history
///
/// Events in order. With `follow_ms`, when there is no event from `from` on yet, it waits for the
/// first that comes.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/history",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
        ("from" = Option<u64>, Query, description = "the first event, inclusive; 1 when absent", minimum = 1),
        ("page_size" = Option<u64>, Query, description = "events a page; 1000 when absent, clamped to 5000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; wins over `from`"),
        ("payloads" = Option<String>, Query, description = "`inline`, or `reference`: `{\"everstep_payload\": {\"event_id\", \"index\", \"bytes\", \"kind\"}}` in the place of each large payload; `inline` when absent"),
        ("follow_ms" = Option<u64>, Query, description = "wait so long for a first event, in milliseconds; clamped to 60000"),
    ),
    responses(
        (status = 200, description = "a page", body = HistoryPageSchema),
        (status = 404, description = "no such workflow or run"),
        (status = 422, description = "an id that cannot stand in a path"),
    ),
)]
pub(super) async fn history(State(api): State<Api>, uri: Uri) -> Answer {
    let selector = selector(&uri)?;
    let parameters = Parameters::of(&uri);
    let from = first_event(parameters)?;
    let page_size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let wait = parameters.wait("follow_ms")?.unwrap_or_default();
    let engine = api.reader(parameters)?;
    let page = match wait.is_zero() {
        true => page(&engine, &selector, from, page_size).await?,
        false => Follower::of(&api, engine, selector)?.next(from, page_size, wait).await?,
    };
    json(StatusCode::OK, &page)
}

/// `page_token` or `from`: both say which event comes first.
fn first_event(parameters: Parameters<'_>) -> Result<u64, Problem> {
    let from = parameters.number("from")?.unwrap_or(1);
    if from == 0 {
        return Err(Problem::invalid("parameter `from` is an event id, which begin at 1"));
    }
    match parameters.page_token()? {
        None => Ok(from),
        Some(token) => token
            .parse()
            .ok()
            .filter(|from| *from > 0)
            .ok_or_else(|| Problem::invalid(format!("page token `{token}` is not one of ours"))),
    }
}
