//! `POST /api/v1/workflows/{id}/resume`.

use axum::extract::{Request, State};

use super::json::{Answer, accepted};
use super::problem::ProblemBody;
use super::target::selector;
use super::{Api, body};

/// Resume a workflow
///
/// Lets a paused run go on: its code sees what was recorded meanwhile, in its order, and attempts
/// that became due are started. A run that is not paused goes on as it does.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/resume",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        ("id" = String, Path, description = "the workflow's id", min_length = 1, max_length = 512),
        ("run_id" = Option<String>, Query, description = "one run; the newest when absent"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    responses(
        (status = 202, description = "it goes on", body = serde_json::Value),
        (status = 404, description = "no such workflow or run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the run is closed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "an id that cannot stand in a path", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resume(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    // There is nothing to say in it, but it has to be off the wire before the answer.
    body::read(&api, &head.headers, body).await?;
    api.engine().resume(&selector(&head.uri)?).await?;
    Ok(accepted())
}
