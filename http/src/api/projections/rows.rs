//! `GET /api/v1/projections/{name}/rows` and `…/rows/{key}`.
//!
//! Invariant: who may read follows from the projection's category, before anything is read.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_workflows::projections::RowQuery;

use super::{KEY, NAME};
use crate::access::Caller;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, blocking};

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 500;
/// What a parameter begins with that asks for a field.
const FIELD: &str = "field.";

/// List rows of a projection
///
/// Rows in the order of their keys, each with the events that its durable row does not have yet.
/// `field.NAME=VALUE` compares a field (a path with dots) by its text. View projections for
/// everybody, reporting projections for admins.
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/rows",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        InNamespace,
        ("prefix" = Option<String>, Query, description = "only keys that begin so"),
        ("page_size" = Option<u64>, Query, description = "rows a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before; a page may be empty and not the last"),
    ),
    responses(
        (status = 200, description = "a page", body = serde_json::Value),
        (status = 403, description = "`INTERNAL_ONLY` or `ADMIN_ONLY`"),
        (status = 404, description = "no such projection or namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, Caller(caller): Caller, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let name = segment(&uri, NAME, "projection")?.into_owned();
    let parameters = Parameters::of(&uri);
    let mut query = RowQuery {
        prefix: parameters.text("prefix")?.unwrap_or_default().into_owned(),
        after: parameters.page_token()?.map(String::from),
        limit: parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?,
        fields: Vec::new(),
    };
    for pair in parameters.pairs() {
        let (field, value) = pair?;
        if let Some(field) = field.strip_prefix(FIELD) {
            query.fields.push((field.to_owned(), value.into_owned()));
        }
    }
    let service = api.projections().clone();
    let page = blocking::run(move || {
        service.category(&name)?.check_reader(&name, caller.role())?;
        service.rows(&namespace, &name, &query)
    });
    json(StatusCode::OK, &page.await?)
}

/// Read a row of a projection
///
/// `state` is the row after every event that is durable now: the projection's own row and, where
/// it is behind, the events after its checkpoint (`pending_events`, `is_optimistic`).
#[utoipa::path(
    get,
    path = "/api/v1/projections/{name}/rows/{key}",
    security(("token" = ["viewer"])),
    tag = "projections",
    params(
        ("name" = String, Path, description = "the projection's name"),
        ("key" = String, Path, description = "the row's key"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the row", body = serde_json::Value),
        (status = 403, description = "`INTERNAL_ONLY` or `ADMIN_ONLY`"),
        (status = 404, description = "no such row, projection or namespace"),
    ),
)]
pub(super) async fn read(State(api): State<Api>, Caller(caller): Caller, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let name = segment(&uri, NAME, "projection")?.into_owned();
    let key = segment(&uri, KEY, "row")?.into_owned();
    check_text("row", &key)?;
    let service = api.projections().clone();
    let row = blocking::run(move || {
        service.category(&name)?.check_reader(&name, caller.role())?;
        service.row(&namespace, &name, &key)
    });
    json(StatusCode::OK, &row.await?)
}
