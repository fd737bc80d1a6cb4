//! Forms of the operator: pause and resume.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::actions::{ReasonForm, Target, Which, malformed};
use super::inspector::{Inspector, selector};

/// `POST /ui/workflows/{id}/pause`.
pub(super) async fn pause(
    State(inspector): State<Inspector>,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<ReasonForm>, FormRejection>,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let selector = selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.pause(&selector, form.reason.trim().into()).await?;
        Ok("Workflow paused".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/resume`.
pub(super) async fn resume(
    State(inspector): State<Inspector>,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let selector = selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.resume(&selector).await?;
        Ok("Workflow resumed".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}
