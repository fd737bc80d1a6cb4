//! `GET /api/v1/workflows`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::{ListFilter, ListOrder, RunPage, RunStatus};

use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, namespace};
use super::{Api, Problem, blocking};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1_000;

/// List runs
///
/// Newest first, unless `sort` says otherwise. All filters that are given must match;
/// `attr.NAME=VALUE` compares the search attribute NAME by its text. A request examines a bounded
/// number of rows; a page that is `partial` ends before it is full and goes on with its token.
#[utoipa::path(
    get,
    path = "/api/v1/workflows",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        ("status" = Option<RunStatus>, Query, description = "only runs in this status"),
        ("type" = Option<String>, Query, description = "only runs of this workflow type"),
        ("id_prefix" = Option<String>, Query, description = "only workflows whose id begins so"),
        ("started_after" = Option<String>, Query, description = "only runs that started at or after this RFC 3339 time", format = DateTime),
        ("started_before" = Option<String>, Query, description = "only runs that started at or before this RFC 3339 time", format = DateTime),
        ("parent" = Option<String>, Query, description = "only children of this workflow id"),
        ("closed_after" = Option<String>, Query, description = "only runs that closed at or after this RFC 3339 time", format = DateTime),
        ("closed_before" = Option<String>, Query, description = "only runs that closed at or before this RFC 3339 time", format = DateTime),
        ("build" = Option<String>, Query, description = "only runs that this build started"),
        ("version" = Option<String>, Query, description = "only runs that stay with this version of the code"),
        ("queue" = Option<String>, Query, description = "only runs of which an activity went through this task queue"),
        ("stuck" = Option<bool>, Query, description = "only runs that are stuck (their code cannot go on, or an activity fails again and again), or only runs that are not"),
        ("fingerprint" = Option<String>, Query, description = "only runs whose failure has this fingerprint"),
        ("attr.NAME" = Option<String>, Query, description = "only runs whose search attribute NAME has this text; any number of them"),
        ("attr_min.NAME" = Option<String>, Query, description = "only runs whose search attribute NAME is at least this number or text"),
        ("attr_max.NAME" = Option<String>, Query, description = "only runs whose search attribute NAME is at most this number or text"),
        ("attr_prefix.NAME" = Option<String>, Query, description = "only runs whose search attribute NAME is a text that begins so"),
        ("sort" = Option<String>, Query, description = "`started_at`, `closed_at` or `attr.NAME`, with `-` in front for descending; `-started_at` when absent. Runs without the value are left out"),
        InNamespace,
        ("page_size" = Option<u64>, Query, description = "rows a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = RunPage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let filter = filter(&uri)?;
    api.engine().check_namespace(&filter.namespace)?;
    let page_size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page_token = parameters.page_token()?.map(String::from);
    let order: ListOrder = match parameters.text("sort")? {
        Some(text) => text.parse()?,
        None => ListOrder::default(),
    };
    let page = blocking::read(&api, move |engine| {
        engine.list_in_order(&filter, &order, page_size, page_token.as_deref())
    })
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
