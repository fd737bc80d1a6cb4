//! Forms of the operator: pause, resume, reset, delete, and try again now.

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use everstep_engine::{Payload, Rejection, ResetRequest};
use serde::Deserialize;

use super::actions::{ReasonForm, Target, Which, malformed};
use super::inspector::Inspector;

/// `POST /ui/workflows/{id}/pause`.
pub(super) async fn pause(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<ReasonForm>, FormRejection>,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.pause(&selector, form.reason.trim().into()).await?;
        Ok("Workflow paused".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/resume`.
pub(super) async fn resume(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.resume(&selector).await?;
        Ok("Workflow resumed".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// The reset form.
#[derive(Debug, Deserialize)]
pub(super) struct ResetForm {
    to_event_id: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    input: String,
    /// A box that is not ticked is not sent.
    reapply_signals: Option<String>,
}

/// `POST /ui/workflows/{id}/reset`.
pub(super) async fn reset(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<ResetForm>, FormRejection>,
) -> Response {
    let mut target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let to_event_id = form.to_event_id.trim().parse().map_err(|_| {
            Rejection::InvalidRequest(format!("`{}` is no event id", form.to_event_id))
        })?;
        let input = match form.input.trim() {
            "" => None,
            text => Some(Payload::parse(text.to_owned()).map_err(|error| {
                Rejection::InvalidRequest(format!("the input is not JSON: {error}"))
            })?),
        };
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        let request = ResetRequest {
            input,
            reapply_signals: form.reapply_signals.is_some(),
            ..ResetRequest::new(to_event_id, form.reason.trim())
        };
        let started = inspector.engine.reset(&selector, request).await?;
        Ok(started.run_id)
    };
    let outcome = outcome.await.map(|run_id| {
        target.run_id = Some(run_id.to_string());
        format!("Reset: goes on as run {run_id}")
    });
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/delete`.
pub(super) async fn delete(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.delete(&selector).await?;
        Ok("Run deleted".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/task/retry`.
pub(super) async fn retry_task(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.retry_task(&selector).await?;
        Ok("Its code is tried again".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/activities/{activity_id}/retry`.
pub(super) async fn retry_activity(
    inspector: Inspector,
    Path((id, activity_id)): Path<(String, String)>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let activity_id = activity_id
            .parse()
            .map_err(|_| Rejection::InvalidRequest(format!("`{activity_id}` is no activity id")))?;
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.retry_activity(&selector, activity_id).await?;
        Ok("The next attempt is started".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}
