//! `POST /api/v1/events` and `POST /api/v1/streams/{stream}/events`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{AppendReceipt, AppendRequest};

use super::target::stream;
use crate::api::idempotency::idempotency_key;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, body};

/// Append events
///
/// To several streams or to none, together or not at all, guarded by the versions of streams or
/// scopes or by a condition. Durable when answered.
#[utoipa::path(
    post,
    path = "/api/v1/events",
    tag = "events",
    security(("token" = ["app"])),
    params(
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a retry harmless: the same events under the same key are appended once"),
    ),
    request_body = AppendRequest,
    responses(
        (status = 200, description = "where the events stand, whether new or `duplicate`", body = AppendReceipt),
        (status = 400, description = "a request that cannot be meant"),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "a conflict with what the log holds"),
        (status = 422, description = "events that cannot be"),
    ),
)]
pub(super) async fn append(State(api): State<Api>, request: Request) -> Answer {
    let namespace = namespace(request.uri())?;
    append_as(&api, &namespace, None, request).await
}

/// Append events to a stream
///
/// `expected_version` is how many events the stream has: 0 for a new one, `"any"` to append
/// whatever it has. Durable when answered.
#[utoipa::path(
    post,
    path = "/api/v1/streams/{stream}/events",
    tag = "events",
    security(("token" = ["app"])),
    params(
        ("stream" = String, Path, description = "the stream, `Type:id`", min_length = 1, max_length = 512),
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a retry harmless: the same events under the same key are appended once"),
    ),
    request_body = AppendRequest,
    responses(
        (status = 200, description = "where the events stand, whether new or `duplicate`", body = AppendReceipt),
        (status = 400, description = "a request that cannot be meant"),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "a conflict with what the log holds"),
        (status = 422, description = "events that cannot be"),
    ),
)]
pub(super) async fn append_to_stream(State(api): State<Api>, request: Request) -> Answer {
    let namespace = namespace(request.uri())?;
    let name = stream(request.uri())?.0.into_owned();
    append_as(&api, &namespace, Some(&name), request).await
}

async fn append_as(api: &Api, namespace: &str, stream: Option<&str>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let request: AppendRequest = body::parse(&body)?;
    let mut append = request.into_append(stream)?;
    append.idempotency_key = idempotency_key(&head.headers)?.map(String::into_boxed_str);
    let appended = api.engine().append(namespace, append).await?;
    let log = api.engine().log(namespace)?;
    let receipt = AppendReceipt::new(&appended, &log.reader()).map_err(Problem::from)?;
    json(StatusCode::OK, &receipt)
}
