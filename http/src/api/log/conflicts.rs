//! `GET /api/v1/admin/idempotency-conflicts`: keys that were used for something else.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_engine::{IDEMPOTENCY_CONFLICTS, Keys, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::error_code as codes;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem};

/// A page of conflicts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConflictPage {
    conflicts: Vec<Conflict>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A key that came again with other events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Conflict {
    /// The idempotency key.
    key: String,
    /// When it came again.
    #[schema(value_type = String)]
    at: Timestamp,
}

/// List idempotency conflicts
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/idempotency-conflicts",
    tag = "admin",
    security(("token" = ["admin"])),
    params(
        ("page_size" = Option<u64>, Query, description = "conflicts a page; 100 when absent, clamped to 1000", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = ConflictPage),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    api.engine().check_namespace(&namespace)?;
    let size = parameters.page_size(100, Keys::MOST)?;
    let mut keys = Keys::all().limit(size);
    if let Some(token) = parameters.page_token()? {
        keys = keys.after(token);
    }
    let rows = api.engine().transact(&namespace, move |tx| tx.range(IDEMPOTENCY_CONFLICTS, &keys));
    let rows = rows.await.map_err(|error| {
        Problem::new(codes::INTERNAL_ERROR, format!("failed to read the conflicts: {error}"))
    })?;
    let next_page_token = rows.last().filter(|_| rows.len() == size).map(|(key, _)| key.clone());
    let conflicts = rows.into_iter().map(|(_, conflict)| Conflict {
        key: conflict.key,
        at: Timestamp::from_millis(conflict.at_ms),
    });
    json(StatusCode::OK, &ConflictPage { conflicts: conflicts.collect(), next_page_token })
}
