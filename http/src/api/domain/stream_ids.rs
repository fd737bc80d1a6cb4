//! `/api/v1/stream-ids`: stream ids that follow from a business key.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::{rotate_id_secret, stream_ids};
use everstep_engine::ActivityError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::error_code as codes;
use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, body};

/// A business key.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BusinessKey)]
pub(super) struct KeyBody {
    /// 1 to 64 letters, digits, `_` and `-`.
    entity_type: String,
    /// A text, or a list of texts whose order counts.
    key: Key,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Key {
    /// One text.
    One(String),
    /// Parts, in order.
    Parts(Vec<String>),
}

/// A stream's id.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamIdBody {
    /// `Type:hash`.
    stream_id: String,
    /// The same in two: the stream's type and id.
    stream_type: String,
    /// 22 letters and digits.
    id: String,
    /// The ids that the entity has if it was made before the secret was rotated, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    older: Vec<String>,
}

/// Make a deterministic stream id
///
/// The same key gives the same id, in this namespace. Nothing can be learned from the id about the
/// key without the namespace's secret.
#[utoipa::path(
    post,
    path = "/api/v1/stream-ids",
    security(("token" = ["app"])),
    tag = "stream ids",
    params(InNamespace),
    request_body = KeyBody,
    responses(
        (status = 200, description = "the id", body = StreamIdBody),
        (status = 422, description = "no key"),
    ),
)]
pub(super) async fn make(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let KeyBody { entity_type, key } = body::parse(&body)?;
    let parts = match key {
        Key::One(key) => vec![key],
        Key::Parts(parts) => parts,
    };
    let of = entity_type.clone();
    // A key that cannot be undoes the transaction, and with it a secret that was made for it.
    let namespace = namespace(&head.uri)?;
    let made = api.engine().transact(&namespace, move |tx| {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let made = stream_ids(tx)?.candidates(&of, &parts);
        made.map_err(|error| ActivityError::new("invalid_request", error).non_retryable())
    });
    let mut older = made.await.map_err(|error| match Problem::from(error) {
        refused if refused.code() == codes::INVALID_REQUEST.name => {
            refused.with_status(StatusCode::UNPROCESSABLE_ENTITY)
        }
        other => other,
    })?;
    let stream_id = older.remove(0);
    let id = stream_id.split_once(':').map(|(_, id)| id.to_owned()).unwrap_or_default();
    json(StatusCode::OK, &StreamIdBody { stream_id, stream_type: entity_type, id, older })
}

/// Rotate the secret of stream ids
///
/// Entities that are made from now on get their ids under a new secret; those that there are keep
/// theirs, and are found under it.
#[utoipa::path(
    post,
    path = "/api/v1/admin/stream-ids/rotate",
    security(("token" = ["admin"])),
    tag = "stream ids",
    params(InNamespace),
    responses(
        (status = 200, description = "rotated; `secrets` says how many there are", body = serde_json::Value),
        (status = 409, description = "too many secrets"),
    ),
)]
pub(super) async fn rotate(State(api): State<Api>, uri: Uri) -> Answer {
    let ids = api.engine().transact(&namespace(&uri)?, rotate_id_secret).await?;
    json(StatusCode::OK, &serde_json::json!({ "secrets": ids.secrets() }))
}
