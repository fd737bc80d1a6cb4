//! `GET /api/v1/batch`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::BatchPage;

use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 500;

/// List batches
///
/// Newest first. A page may hold fewer than were asked for and still name a next one.
#[utoipa::path(
    get,
    path = "/api/v1/batch",
    security(("token" = ["viewer"])),
    tag = "batch",
    params(
        InNamespace,
        ("page_size" = Option<u64>, Query, description = "rows a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = BatchPage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let namespace = namespace(&uri)?;
    api.engine().check_namespace(&namespace)?;
    let page_size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page_token = parameters.page_token()?.map(String::from);
    let page = blocking::read(&api, move |engine| {
        engine.batches(&namespace, page_size, page_token.as_deref())
    });
    json(StatusCode::OK, &page.await?)
}
