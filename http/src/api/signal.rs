//! `POST /api/v1/workflows/{id}/signals/{name}`.

use axum::extract::{Request, State};
use everstep_engine::{SignalInput, SpanKind};

use super::idempotency::idempotency_key;
use super::json::{Answer, accepted};
use super::target::{InNamespace, OneRun, WorkflowPath, name, selector};
use super::trace::Received;
use super::{Api, body};

/// Signal a workflow
///
/// The body is the payload, any JSON; an empty one is `null`. Durable when answered.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/signals/{name}",
    security(("token" = ["app"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("name" = String, Path, description = "the signal's name", min_length = 1, max_length = 512),
        OneRun,
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated signal harmless"),
        ("traceparent" = Option<String>, Header, description = "the caller's place in a trace (W3C Trace Context), to which the signal is added"),
    ),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "the payload"),
    responses(
        (status = 202, description = "received", body = serde_json::Value),
        (status = 404, description = "no such workflow or run"),
        (status = 409, description = "the run is closed, or the idempotency key was used with another signal"),
        (status = 422, description = "a payload that the workflow cannot take"),
    ),
)]
pub(super) async fn signal(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let name = name(&head.uri, "signal name")?.into_owned();
    let key = idempotency_key(&head.headers)?;
    let received = Received::begin(&api, &head.headers, SpanKind::Signal, &name);
    let signal = SignalInput { name, payload: body::payload(&body)? };
    api.engine().signal(&selector, signal, key).await?;
    if let Some(received) = received {
        received.end(&api, &selector);
    }
    Ok(accepted())
}
