//! `GET /api/v1/migrations`: rows of an older shape, and how many were taken along.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::contexts::migrations;
use serde_json::json;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, blocking};

/// List migrations
///
/// Those that the worker declares, by `context` and `name`: the `table` that each empties, `status`
/// (`pending`, `running`, `completed`, `failed`), `rows` so far, the `error` of the last try or of the
/// end, `startedAt`, `endedAt`, and the `workflowId` of what does it. One that has failed goes on when
/// its workflow is reset.
#[utoipa::path(
    get,
    path = "/api/v1/migrations",
    security(("token" = ["viewer"])),
    tag = "contexts",
    params(InNamespace),
    responses(
        (status = 200, description = "all of them", body = serde_json::Value),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let found = blocking::read(&api, move |engine| migrations(engine, &namespace));
    json(StatusCode::OK, &json!({ "migrations": found.await? }))
}
