//! `POST /api/v1/workflows/{id}/reset`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{EventEdit, Payload, ResetRequest, RunId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::idempotency::idempotency_key;
use super::json::{Answer, json};
use super::target::{InNamespace, OneRun, WorkflowPath, selector};
use super::{Api, Problem, body};

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Reset)]
pub(super) struct ResetBody {
    /// The last event that the new run takes over.
    #[schema(minimum = 1)]
    to_event_id: u64,
    /// Why; an open run is terminated with it.
    reason: Option<String>,
    /// Whether signals that came after that event are received again; they are when absent.
    reapply_signals: Option<bool>,
    /// The run to go back in; the newest when absent.
    #[schema(value_type = Option<String>)]
    run_id: Option<String>,
    /// Replaces the input.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Payload>,
    /// Other outcomes for events that are taken over: `result` for an activity_completed or a
    /// last activity_failed, `payload` for a signal_received.
    #[serde(default)]
    edits: Vec<Edit>,
}

/// Another outcome for a recorded event.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = EventEdit)]
pub(super) struct Edit {
    /// Which event.
    event_id: u64,
    /// What an activity is to have returned.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Payload>,
    /// What a signal is to have carried.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<serde_json::Value>)]
    payload: Option<Payload>,
}

/// A `null` that is there is a value, not its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Payload>, D::Error> {
    Payload::deserialize(deserializer).map(Some)
}

/// The new run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkflowReset)]
pub(super) struct ResetAnswer {
    /// The workflow's id.
    workflow_id: String,
    /// The new run.
    #[schema(value_type = String)]
    run_id: RunId,
}

impl ResetBody {
    fn into_request(self, idempotency_key: Option<String>) -> ResetRequest {
        ResetRequest {
            to_event_id: self.to_event_id,
            reason: self.reason.unwrap_or_default(),
            reapply_signals: self.reapply_signals.unwrap_or(true),
            input: self.input,
            edits: self
                .edits
                .into_iter()
                .map(|Edit { event_id, result, payload }| EventEdit { event_id, result, payload })
                .collect(),
            idempotency_key,
        }
    }
}

/// Reset a workflow
///
/// Begins a new run of the same id with the history of a run, open or closed, up to an event; it
/// goes on from there with today's code. An open run of the id is terminated with the reason.
/// Signals that came after the event are received again, activities that were under way are
/// started anew. What cannot be honoured is refused and changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/reset",
    security(("token" = ["operator"])),
    tag = "workflows",
    params(
        WorkflowPath,
        OneRun,
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated reset answer what the first one answered"),
    ),
    request_body = ResetBody,
    responses(
        (status = 201, description = "started", body = ResetAnswer),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the idempotency key was used with another reset"),
        (status = 422, description = "no such event, one that closes the run, an edit that cannot be made, code that does not follow the history, or a hook of the program that refuses"),
    ),
)]
pub(super) async fn reset(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let mut selector = selector(&head.uri)?;
    let body: ResetBody = body::parse(&body)?;
    if let Some(run_id) = &body.run_id {
        let run_id = run_id.parse::<RunId>().map_err(|error| {
            Problem::invalid(format!(
                "field `run_id` of the body is no run id (`{run_id}`): {error}"
            ))
        })?;
        selector.run_id = Some(run_id);
    }
    let reset = body.into_request(idempotency_key(&head.headers)?);
    let started = api.engine().reset(&selector, reset).await?;
    let answer = ResetAnswer { workflow_id: started.workflow_id, run_id: started.run_id };
    json(StatusCode::CREATED, &answer)
}
