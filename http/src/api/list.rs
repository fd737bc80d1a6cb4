//! `GET /api/v1/workflows`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::{ListFilter, RunPage, RunStatus};

use super::json::{Answer, json};
use super::parameters::Parameters;
use super::problem::ProblemBody;
use super::target::namespace;
use super::{Api, Problem, blocking};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1_000;

/// List runs
///
/// Newest first. All filters that are given must match; `attr.NAME=VALUE` compares the search
/// attribute NAME by its text.
#[utoipa::path(
    get,
    path = "/api/v1/workflows",
    tag = "workflows",
    params(
        ("status" = Option<RunStatus>, Query, description = "only runs in this status"),
        ("type" = Option<String>, Query, description = "only runs of this workflow type"),
        ("id_prefix" = Option<String>, Query, description = "only workflows whose id begins so"),
        ("started_after" = Option<String>, Query, description = "only runs that started at or after this RFC 3339 time", format = DateTime),
        ("started_before" = Option<String>, Query, description = "only runs that started at or before this RFC 3339 time", format = DateTime),
        ("parent" = Option<String>, Query, description = "only children of this workflow id"),
        ("attr.NAME" = Option<String>, Query, description = "only runs whose search attribute NAME has this text; any number of them"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
        ("page_size" = Option<u64>, Query, description = "rows a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = RunPage),
        (status = 404, description = "no such namespace", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let filter = filter(&uri)?;
    api.engine().check_namespace(&filter.namespace)?;
    let page_size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page_token = parameters.page_token()?.map(String::from);
    let page =
        blocking::read(&api, move |engine| engine.list(&filter, page_size, page_token.as_deref()))
            .await?;
    json(StatusCode::OK, &page)
}

/// The filter in an address; parameters that no filter has are passed over.
pub(super) fn filter(uri: &Uri) -> Result<ListFilter, Problem> {
    let mut filter = ListFilter::of(namespace(uri)?);
    for pair in Parameters::of(uri).pairs() {
        let (name, value) = pair?;
        filter.set(&name, &value).map_err(|error| Problem::invalid(error.to_string()))?;
    }
    Ok(filter)
}
