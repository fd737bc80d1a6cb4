//! `GET /ui/workflows/{id}/payload`: one payload as it was sent.

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use everstep_engine::kernel::ExternalAsk;
use everstep_engine::{HistoryEvent, Payload};
use serde::Deserialize;

use super::inspector::Inspector;
use super::refusal;

/// Which event of which run.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    run_id: Option<String>,
    event: u64,
}

/// The payload that an event carries.
pub(super) fn of_event(event: &HistoryEvent) -> Option<&Payload> {
    match event {
        HistoryEvent::WorkflowStarted(started) => Some(&started.input),
        HistoryEvent::ActivityScheduled { input, .. } => Some(input),
        HistoryEvent::ActivityCompleted { result, .. }
        | HistoryEvent::WorkflowCompleted { result } => Some(result),
        HistoryEvent::SignalReceived { payload, .. } => Some(payload),
        HistoryEvent::ChildWorkflowStartInitiated { start, .. } => Some(&start.input),
        HistoryEvent::ChildWorkflowCompleted { result, .. } => Some(result),
        HistoryEvent::WorkflowContinuedAsNew { input, .. } => Some(input),
        HistoryEvent::ExternalRequested { request, .. } => match &request.ask {
            ExternalAsk::Signal(signal) => Some(&signal.payload),
            _ => None,
        },
        HistoryEvent::UpdateAccepted(update) => Some(&update.payload),
        HistoryEvent::UpdateCompleted(update) => update.outcome.as_ref().ok(),
        HistoryEvent::ActivityFailed { failure, .. } | HistoryEvent::WorkflowFailed { failure } => {
            failure.details.as_ref()
        }
        HistoryEvent::ActivityResultLate { outcome, .. } => outcome.as_ref().ok(),
        _ => None,
    }
}

/// Answers the payload.
pub(super) async fn read(
    inspector: Inspector,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let found = inspector
        .read(move |inspector| {
            let selector = inspector.selector(&id, asked.run_id.as_deref())?;
            // Of each event the first payload is the one that a page shows.
            inspector.engine.payload(&selector, asked.event, 0)
        })
        .await;
    match found {
        Ok(payload) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, payload.as_bytes().to_vec()).into_response()
        }
        Err(rejection) => refusal::page(&inspector, &headers, &rejection),
    }
}
