//! Forms that act on a run. With scripts they are answered by a toast's words, without by a
//! redirect to the run and the same words there.

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use everstep_engine::{Payload, Rejection, SignalInput};
use serde::Deserialize;

use super::flash::Flash;
use super::inspector::Inspector;
use super::refusal;
use super::url;

/// Which run of the workflow.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    pub(super) run_id: Option<String>,
}

/// The signal form.
#[derive(Debug, Deserialize)]
pub(super) struct SignalForm {
    name: String,
    #[serde(default)]
    payload: String,
}

/// A form that asks why.
#[derive(Debug, Deserialize)]
pub(super) struct ReasonForm {
    #[serde(default)]
    pub(super) reason: String,
}

/// Where an answer goes.
pub(super) struct Target {
    pub(super) workflow_id: String,
    pub(super) run_id: Option<String>,
    live: bool,
}

impl Target {
    pub(super) fn new(workflow_id: String, which: Which, headers: &HeaderMap) -> Self {
        Self { workflow_id, run_id: which.run_id, live: headers.contains_key("x-live") }
    }

    pub(super) fn answer(&self, outcome: Result<String, Rejection>) -> Response {
        let (status, flash) = match outcome {
            Ok(text) => (StatusCode::OK, Flash { text, is_error: false }),
            Err(rejection) => {
                (refusal::status(&rejection), Flash { text: rejection.to_string(), is_error: true })
            }
        };
        if self.live {
            let kind = if flash.is_error { "error" } else { "done" };
            let body = Json(serde_json::json!({ "toast": flash.text, "kind": kind }));
            return (status, body).into_response();
        }
        let back = match &self.run_id {
            Some(run_id) => url::run(&self.workflow_id, url::encode(run_id)),
            None => url::workflow(&self.workflow_id),
        };
        (AppendHeaders([(header::SET_COOKIE, flash.cookie())]), Redirect::to(&back)).into_response()
    }
}

pub(super) fn malformed(form: &FormRejection) -> Rejection {
    Rejection::InvalidRequest(format!("failed to read the form: {}", form.body_text()))
}

/// What was typed as JSON; nothing is `null`.
pub(super) fn payload(typed: &str) -> Result<Payload, Rejection> {
    match typed.trim() {
        "" => Ok(Payload::null()),
        text => Payload::parse(text.to_owned()).map_err(|error| {
            Rejection::InvalidRequest(format!("the payload is not JSON: {error}"))
        }),
    }
}

/// `POST /ui/workflows/{id}/signal`.
pub(super) async fn signal(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<SignalForm>, FormRejection>,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let name = form.name.trim();
        if name.is_empty() {
            return Err(Rejection::InvalidRequest("a signal needs a name".into()));
        }
        let payload = payload(&form.payload)?;
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        let signal = SignalInput { name: name.into(), payload };
        inspector.engine.signal(&selector, signal, None).await?;
        Ok(format!("Signal `{name}` sent"))
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/cancel`.
pub(super) async fn cancel(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.cancel(&selector).await?;
        Ok("Cancellation requested".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}

/// `POST /ui/workflows/{id}/terminate`.
pub(super) async fn terminate(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    form: Result<Form<ReasonForm>, FormRejection>,
) -> Response {
    let target = Target::new(id, which, &headers);
    let outcome = async {
        let Form(form) = form.map_err(|rejection| malformed(&rejection))?;
        let reason = form.reason.trim();
        if reason.is_empty() {
            return Err(Rejection::InvalidRequest("termination needs a reason".into()));
        }
        let selector = inspector.selector(&target.workflow_id, target.run_id.as_deref())?;
        inspector.engine.terminate(&selector, reason.into()).await?;
        Ok("Workflow terminated".to_owned())
    };
    let outcome = outcome.await;
    target.answer(outcome)
}
