//! `/api/v1/queues`: task queues, what they allow, and what waits in them.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_engine::{QueueDescription, QueueLimits};
use serde::Serialize;
use utoipa::ToSchema;

use super::error_code as codes;
use super::json::{Answer, json};
use super::percent::decode_segment;
use super::target::{InNamespace, check_text, namespace};
use super::{Api, Problem, body};

/// Place of the name in `/api/v1/queues/{name}`.
const NAME: usize = 4;

/// Every task queue.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueueList {
    queues: Vec<QueueDescription>,
}

/// List task queues
///
/// Those that the worker declares, those whose limits were set at run time, and those that were
/// used since the server started, by name.
#[utoipa::path(
    get,
    path = "/api/v1/queues",
    security(("token" = ["viewer"])),
    tag = "queues",
    params(
        InNamespace,
    ),
    responses(
        (status = 200, description = "the queues", body = QueueList),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    json(StatusCode::OK, &QueueList { queues: queues(&api, &namespace(&uri)?)? })
}

/// Describe a task queue
#[utoipa::path(
    get,
    path = "/api/v1/queues/{name}",
    security(("token" = ["viewer"])),
    tag = "queues",
    params(
        ("name" = String, Path, description = "the queue's name", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the queue", body = QueueDescription),
        (status = 404, description = "no such queue"),
    ),
)]
pub(super) async fn describe(State(api): State<Api>, uri: Uri) -> Answer {
    json(StatusCode::OK, &described(&api, &namespace(&uri)?, &name(&uri)?)?)
}

/// Set what a task queue allows
///
/// The limits stand above those that the worker declares, over restarts, until they are taken
/// back. A field that is absent is no limit. Durable when answered.
#[utoipa::path(
    put,
    path = "/api/v1/queues/{name}",
    security(("token" = ["operator"])),
    tag = "queues",
    params(
        ("name" = String, Path, description = "the queue's name", min_length = 1, max_length = 512),
        InNamespace,
    ),
    request_body = QueueLimits,
    responses(
        (status = 200, description = "the queue with its new limits", body = QueueDescription),
        (status = 400, description = "limits that cannot be meant"),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn set(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, name) = (namespace(&head.uri)?, name(&head.uri)?);
    let limits: QueueLimits = body::parse(&body)?;
    api.engine().set_queue(&namespace, &name, Some(limits)).await?;
    json(StatusCode::OK, &described(&api, &namespace, &name)?)
}

/// Take back what was set for a task queue
///
/// What the worker declares holds again. Durable when answered.
#[utoipa::path(
    delete,
    path = "/api/v1/queues/{name}",
    security(("token" = ["operator"])),
    tag = "queues",
    params(
        ("name" = String, Path, description = "the queue's name", min_length = 1, max_length = 512),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the queue with the limits that hold now", body = QueueDescription),
        (status = 404, description = "no such queue"),
    ),
)]
pub(super) async fn reset(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, name) = (namespace(&uri)?, name(&uri)?);
    described(&api, &namespace, &name)?;
    api.engine().set_queue(&namespace, &name, None).await?;
    json(StatusCode::OK, &described(&api, &namespace, &name)?)
}

fn queues(api: &Api, namespace: &str) -> Result<Vec<QueueDescription>, Problem> {
    api.engine().check_namespace(namespace)?;
    Ok(api.engine().queues(namespace))
}

fn described(api: &Api, namespace: &str, name: &str) -> Result<QueueDescription, Problem> {
    let queues = queues(api, namespace)?;
    queues.into_iter().find(|queue| queue.name == name).ok_or_else(|| {
        Problem::new(codes::QUEUE_NOT_FOUND, format!("task queue `{name}` does not exist"))
    })
}

fn name(uri: &Uri) -> Result<String, Problem> {
    let raw = uri.path().split('/').nth(NAME).unwrap_or_default();
    let name = decode_segment(raw).map_err(|_| {
        Problem::invalid(format!("queue name `{raw}` is not percent-encoded utf-8"))
    })?;
    check_text("queue name", &name)?;
    Ok(name.into_owned())
}
