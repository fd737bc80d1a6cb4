//! `GET /api/v1/workflow-counts`: how many runs there are, and `GET /api/v1/search-attributes`:
//! what they are found by.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::{AttributeType, GroupBy, RunCounts, RunStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::json::{Answer, json};
use super::list::filter;
use super::parameters::Parameters;
use super::target::InNamespace;
use super::{Api, blocking};

/// Count runs
///
/// Takes the filters of the list. Counts by status, type, build, version, queue, fingerprint and
/// search attribute are read from counters; another filter is counted run by run, as far as one
/// request may, and the answer then says that it is `partial`.
#[utoipa::path(
    get,
    path = "/api/v1/workflow-counts",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        ("group_by" = Option<String>, Query, description = "`status`, `type`, `queue`, `build`, `version`, `fingerprint` or `attr.NAME`"),
        ("status" = Option<RunStatus>, Query, description = "only runs in this status; so with every filter of the list"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the counts", body = RunCounts),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn count(State(api): State<Api>, uri: Uri) -> Answer {
    let filter = filter(&uri)?;
    api.engine().check_namespace(&filter.namespace)?;
    let group_by: Option<GroupBy> =
        Parameters::of(&uri).text("group_by")?.map(|text| text.parse()).transpose()?;
    let counts =
        blocking::read(&api, move |engine| engine.count(&filter, group_by.as_ref())).await?;
    json(StatusCode::OK, &counts)
}

/// The search attributes that have a type.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchAttributes {
    /// By name.
    search_attributes: BTreeMap<&'static str, AttributeType>,
}

/// List search attributes
///
/// Those that the worker declares, with their types. Others may be used, too: they are what JSON
/// says that they are.
#[utoipa::path(
    get,
    path = "/api/v1/search-attributes",
    security(("token" = ["viewer", "own_namespaces"])),
    tag = "workflows",
    responses((status = 200, description = "names and types", body = SearchAttributes)),
)]
pub(super) async fn attributes(State(api): State<Api>) -> Answer {
    let search_attributes = api.engine().search_attributes();
    json(StatusCode::OK, &SearchAttributes { search_attributes })
}
