//! `/health/live` and `/health/ready`: whether to restart the process, whether to send it work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use everstep_storage::Health;
use serde::Serialize;
use utoipa::ToSchema;

use super::warnings::Warning;
use crate::api::Api;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct HealthAnswer {
    /// `live`, `ready`, `draining` or `unavailable`.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What does not keep it from taking requests, and should be looked at; left out where there is
    /// nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

impl HealthAnswer {
    const fn new(status: &'static str, reason: Option<String>) -> Self {
        Self { status, reason, warnings: Vec::new() }
    }
}

/// Whether the process is alive
///
/// Answers as long as the process can answer at all.
#[utoipa::path(
    get,
    path = "/health/live",
    security(()),
    tag = "server",
    responses((status = 200, description = "alive", body = HealthAnswer)),
)]
pub(super) async fn live() -> Json<HealthAnswer> {
    Json(HealthAnswer::new("live", None))
}

/// Whether the server takes requests
///
/// 503 with the reason while it drains or after its store has stopped. 200 with `warnings` while
/// projections fail or stand still, or subscriptions stand still: `[{component, count, message}]`.
#[utoipa::path(
    get,
    path = "/health/ready",
    security(()),
    tag = "server",
    responses(
        (status = 200, description = "ready", body = HealthAnswer),
        (status = 503, description = "not ready, and why", body = HealthAnswer),
    ),
)]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let (code, answer) = match readiness(&api) {
        Ok(()) => {
            let warnings = api.warnings().look(&api).await;
            (StatusCode::OK, HealthAnswer { warnings, ..HealthAnswer::new("ready", None) })
        }
        Err(unready) => (StatusCode::SERVICE_UNAVAILABLE, unready),
    };
    (code, Json(answer)).into_response()
}

/// Whether it takes requests, or why not.
pub(super) fn readiness(api: &Api) -> Result<(), HealthAnswer> {
    if api.draining().has_begun() {
        let reason = Some("the server is shutting down".to_owned());
        return Err(HealthAnswer::new("draining", reason));
    }
    let unavailable = |reason| HealthAnswer::new("unavailable", Some(reason));
    if let Health::Stopped { reason } = api.engine().store().stats().health {
        return Err(unavailable(format!("the store has stopped: {reason}")));
    }
    api.engine().ready().map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use everstep_engine::{Engine, EngineConfig, Worker};
    use everstep_storage::{EmbeddedConfig, MemoryStore};
    use tokio::runtime::Handle;

    use super::*;
    use crate::api::{BackupDesk, Limits, Setup};
    use crate::server::HttpMetrics;
    use crate::server::draining::DrainSwitch;

    #[tokio::test]
    async fn readiness_ends_when_draining_begins() {
        let store = Arc::new(MemoryStore::new());
        let config = EngineConfig::default();
        let engine = Engine::open(store, Worker::new(), config, Handle::current()).unwrap();
        let limits = Limits { body_bytes: 1, body_timeout: Duration::ZERO };
        let (switch, draining) = DrainSwitch::new();
        let metrics = Arc::new(HttpMetrics::new([]));
        let backups = BackupDesk::new(EmbeddedConfig::default());
        let setup = Setup { limits, draining, metrics, backups, redacts_exports: false };
        let api = Api::new(engine.clone(), setup);
        assert_eq!(ready(State(api.clone())).await.status(), 200);
        switch.begin();
        assert_eq!(ready(State(api.clone())).await.status(), 503);
        assert_eq!(readiness(&api).unwrap_err().status, "draining");
        engine.drain(Duration::ZERO).await;
    }
}
