//! `/api/v1/circuits`: circuit breakers, how they stand, opened and closed by hand.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::circuit_breaker::{self, CircuitView};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json};
use super::target::{InNamespace, check_text, namespace, segment};
use super::{Api, Problem, blocking, body};

/// Place of the name in `/api/v1/circuits/{name}/…`.
const NAME: usize = 4;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(open))
        .routes(routes!(close))
}

#[derive(Serialize)]
struct List {
    circuits: Vec<CircuitView>,
}

/// List circuits
///
/// Those that the worker declares, and those that ever moved: `state` (`closed`, `open`,
/// `half_open`), `failure_count`, `opened_at`, `retry_after_ms`, `probe_run_id`, `config`.
#[utoipa::path(
    get,
    path = "/api/v1/circuits",
    security(("token" = ["viewer"])),
    tag = "circuits",
    params(InNamespace),
    responses((status = 200, description = "the circuits, by name", body = serde_json::Value)),
)]
async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let found = blocking::read(&api, move |engine| circuit_breaker::list(engine, &namespace));
    json(StatusCode::OK, &List { circuits: found.await? })
}

fn name(uri: &Uri) -> Result<String, Problem> {
    let name = segment(uri, NAME, "circuit")?;
    check_text("circuit", &name)?;
    Ok(name.into_owned())
}

async fn shown(api: &Api, namespace: String, name: String) -> Answer {
    let found = blocking::read(api, move |engine| circuit_breaker::show(engine, &namespace, &name));
    json(StatusCode::OK, &found.await?)
}

/// Show a circuit
///
/// One that nobody has heard of is closed, with the defaults.
#[utoipa::path(
    get,
    path = "/api/v1/circuits/{name}",
    security(("token" = ["viewer"])),
    tag = "circuits",
    params(
        ("name" = String, Path, description = "the circuit's name"),
        InNamespace,
    ),
    responses((status = 200, description = "the circuit", body = serde_json::Value)),
)]
async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    shown(&api, namespace(&uri)?, name(&uri)?).await
}

/// Open a circuit
///
/// For its usual time, after which a probe is let through.
#[utoipa::path(
    post,
    path = "/api/v1/circuits/{name}/open",
    security(("token" = ["admin"])),
    tag = "circuits",
    params(
        ("name" = String, Path, description = "the circuit's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the circuit", body = serde_json::Value),
        (status = 404, description = "no worker declares it"),
    ),
)]
async fn open(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let (namespace, name) = (namespace(&head.uri)?, name(&head.uri)?);
    let own = name.clone();
    api.engine().transact(&namespace, move |tx| circuit_breaker::open(tx, &own)).await?;
    shown(&api, namespace, name).await
}

/// Close a circuit
#[utoipa::path(
    post,
    path = "/api/v1/circuits/{name}/close",
    security(("token" = ["admin"])),
    tag = "circuits",
    params(
        ("name" = String, Path, description = "the circuit's name"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the circuit", body = serde_json::Value),
        (status = 404, description = "no worker declares it"),
    ),
)]
async fn close(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let (namespace, name) = (namespace(&head.uri)?, name(&head.uri)?);
    let own = name.clone();
    api.engine().transact(&namespace, move |tx| circuit_breaker::close(tx, &own)).await?;
    shown(&api, namespace, name).await
}
