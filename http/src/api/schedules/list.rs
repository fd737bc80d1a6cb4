//! `GET /api/v1/schedules`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::SchedulePage;

use super::target::namespace;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::InNamespace;
use crate::api::{Api, blocking};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 1_000;

/// List schedules
///
/// In the order of their ids.
#[utoipa::path(
    get,
    path = "/api/v1/schedules",
    security(("token" = ["viewer"])),
    tag = "schedules",
    params(
        InNamespace,
        ("id_prefix" = Option<String>, Query, description = "only schedules whose id begins so"),
        ("page_size" = Option<u64>, Query, description = "rows a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = SchedulePage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let parameters = Parameters::of(&uri);
    let namespace = namespace(&uri)?;
    api.engine().check_namespace(&namespace)?;
    let prefix = parameters.text("id_prefix")?.unwrap_or_default().into_owned();
    let page_size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let page_token = parameters.page_token()?.map(String::from);
    let page = blocking::read(&api, move |engine| {
        engine.schedules(&namespace, &prefix, page_size, page_token.as_deref())
    });
    json(StatusCode::OK, &page.await?)
}
