//! `GET /api/v1/batch/{batch_id}`.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::BatchDescription;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, blocking};

/// Place of the batch's id among the segments of `/api/v1/batch/{batch_id}`.
const ID: usize = 4;

/// Describe a batch
///
/// How far it has come. `done` and `failed` together are `total` when it has ended; `failures`
/// holds the first of those runs that refused.
#[utoipa::path(
    get,
    path = "/api/v1/batch/{batch_id}",
    security(("token" = ["viewer"])),
    tag = "batch",
    params(
        ("batch_id" = String, Path, description = "what the request was answered with", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the batch", body = BatchDescription),
        (status = 404, description = "no such batch"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let batch_id = segment(&uri, ID, "batch id")?.into_owned();
    check_text("batch id", &batch_id)?;
    api.engine().check_namespace(&namespace)?;
    let batch = blocking::read(&api, move |engine| engine.batch(&namespace, &batch_id)).await?;
    json(StatusCode::OK, &batch)
}
