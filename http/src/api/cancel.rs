//! `POST /api/v1/workflows/{id}/cancel`.

use axum::extract::{Request, State};

use super::json::{Answer, accepted};
use super::problem::ProblemBody;
use super::target::selector;
use super::{Api, body};

/// Cancel a workflow
///
/// Asks the run to end in its own way: its code may clean up first.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/cancel",
    security(("token" = ["app"])),
    tag = "workflows",
    params(
        ("id" = String, Path, description = "the workflow's id", min_length = 1, max_length = 512),
        ("run_id" = Option<String>, Query, description = "one run; the newest when absent"),
        ("namespace" = Option<String>, Query, description = "the namespace; `default` when absent"),
    ),
    responses(
        (status = 202, description = "asked", body = serde_json::Value),
        (status = 404, description = "no such workflow or run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the run is closed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "an id that cannot stand in a path", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    // There is nothing to say in it, but it has to be off the wire before the answer.
    body::read(&api, &head.headers, body).await?;
    api.engine().cancel(&selector(&head.uri)?).await?;
    Ok(accepted())
}
