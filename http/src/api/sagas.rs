//! `/api/v1/sagas`: how far each is, started once, and what is decided about those that are stuck.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::decider::fsm::State as _;
use everstep_engine::{Payload, StartRequest};
use everstep_workflows::saga::{self, SagaFilter, SagaProgress, SagaRecord, SagaStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json};
use super::target::{InNamespace, check_text, check_workflow_id, namespace, segment};
use super::{Api, Parameters, Problem, blocking, body, error_code as codes};
use crate::access::Caller;

/// Place of the id in `/api/v1/sagas/{id}/…`.
const ID: usize = 4;
const PAGE: usize = 50;
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// A saga to be started.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct StartSaga {
    /// The workflow type.
    #[serde(rename = "type")]
    saga_type: String,
    /// The saga's id, which is its workflow's.
    saga_id: String,
    /// The workflow's input; `null` when absent.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    input: Payload,
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct SkipCompensation {
    /// Why it need not be done.
    #[serde(default)]
    reason: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    saga: SagaRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<SagaProgress>,
}

/// List sagas
///
/// The newest first. A page may be short, or empty, and still name a next one.
#[utoipa::path(
    get,
    path = "/api/v1/sagas",
    security(("token" = ["viewer"])),
    tag = "sagas",
    params(
        ("status" = Option<String>, Query, description = "only `pending`, `running`, `compensating`, `completed`, `compensated` or `failed` ones"),
        ("type" = Option<String>, Query, description = "only of this type"),
        ("stuck" = Option<bool>, Query, description = "only those that wait for somebody's decision, or only others"),
        ("page_size" = Option<u64>, Query, description = "sagas a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = serde_json::Value),
        (status = 400, description = "no such status"),
    ),
)]
async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let status = match parameters.text("status")? {
        None => None,
        Some(name) => Some(SagaStatus::named(&name).ok_or_else(|| {
            let known: Vec<&str> = SagaStatus::ALL.iter().map(|one| one.name()).collect();
            let known = known.join(", ");
            Problem::invalid(format!("parameter `status` is one of {known}, not `{name}`"))
        })?),
    };
    let stuck = match parameters.text("stuck")?.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => {
            let what = format!("parameter `stuck` is `true` or `false`, not `{other}`");
            return Err(Problem::invalid(what));
        }
    };
    let saga_type = parameters.text("type")?.map(std::borrow::Cow::into_owned);
    let filter = SagaFilter { status, saga_type, stuck };
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let found = blocking::read(&api, move |engine| {
        saga::list(&engine.rows(&namespace)?, &filter, after.as_deref(), size)
    });
    json(StatusCode::OK, &found.await?)
}

/// Start a saga, once
///
/// `is_new` says whether it was this request that started it; the saga that there is, is answered.
#[utoipa::path(
    post,
    path = "/api/v1/sagas",
    security(("token" = ["app"])),
    tag = "sagas",
    params(InNamespace),
    request_body = StartSaga,
    responses(
        (status = 200, description = "it was there", body = serde_json::Value),
        (status = 201, description = "it was started", body = serde_json::Value),
        (status = 409, description = "a workflow that is no saga has the id"),
        (status = 422, description = "no such type, or it cannot take this input"),
    ),
)]
async fn start(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let StartSaga { saga_type, saga_id, input } = body::parse(&body)?;
    check_workflow_id(&saga_id)?;
    if !saga::is_declared(api.engine(), &saga_type) {
        let what = format!("workflow type `{saga_type}` is no saga of this worker");
        return Err(Problem::new(codes::UNKNOWN_WORKFLOW_TYPE, what));
    }
    let request = StartRequest::new(saga_type, input);
    let started = api
        .engine()
        .transact(&namespace, move |tx| saga::request_if_not_exists(tx, &saga_id, request))
        .await?;
    let status = if started.is_new { StatusCode::CREATED } else { StatusCode::OK };
    json(status, &started)
}

fn id(uri: &Uri) -> Result<String, Problem> {
    let id = segment(uri, ID, "saga")?;
    check_text("saga", &id)?;
    Ok(id.into_owned())
}

async fn shown(api: &Api, namespace: String, id: String) -> Answer {
    let wanted = id.clone();
    let found = blocking::read(api, move |engine| {
        let found = saga::show(&engine.rows(&namespace)?, &wanted)?;
        let Some(saga) = found else { return Ok(None) };
        let progress = saga::progress(engine, &namespace, &wanted)?;
        Ok(Some(Shown { saga, progress }))
    });
    let found = found.await?.ok_or_else(|| {
        Problem::new(codes::SAGA_NOT_FOUND, format!("saga `{id}` does not exist"))
    })?;
    json(StatusCode::OK, &found)
}

/// Show a saga
///
/// With its steps and compensations in `progress`, and in `stuck` what it cannot undo.
#[utoipa::path(
    get,
    path = "/api/v1/sagas/{id}",
    security(("token" = ["viewer"])),
    tag = "sagas",
    params(
        ("id" = String, Path, description = "the saga's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the saga", body = serde_json::Value),
        (status = 404, description = "no such saga"),
    ),
)]
async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    shown(&api, namespace(&uri)?, id(&uri)?).await
}

/// Try a compensation again
///
/// The one that the saga is stuck at.
#[utoipa::path(
    post,
    path = "/api/v1/sagas/{id}/retry",
    security(("token" = ["admin"])),
    tag = "sagas",
    params(
        ("id" = String, Path, description = "the saga's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the saga", body = serde_json::Value),
        (status = 404, description = "no such saga"),
        (status = 409, description = "it is not stuck, or is tried already"),
    ),
)]
async fn retry(State(api): State<Api>, Caller(caller): Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, id(&head.uri)?);
    let (own, by) = (id.clone(), caller.name().to_owned());
    api.engine().transact(&namespace, move |tx| saga::retry(tx, &own, &by)).await?;
    shown(&api, namespace, id).await
}

/// Skip a compensation
///
/// The one that the saga is stuck at need not be done; `reason` says why. The others are done.
#[utoipa::path(
    post,
    path = "/api/v1/sagas/{id}/skip",
    security(("token" = ["admin"])),
    tag = "sagas",
    params(
        ("id" = String, Path, description = "the saga's id"),
        InNamespace,
    ),
    request_body = SkipCompensation,
    responses(
        (status = 200, description = "the saga", body = serde_json::Value),
        (status = 404, description = "no such saga"),
        (status = 409, description = "it is not stuck, or is being tried"),
        (status = 422, description = "no reason"),
    ),
)]
async fn skip(State(api): State<Api>, Caller(caller): Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, id(&head.uri)?);
    let SkipCompensation { reason } = body::parse_or_default(&body)?;
    let (own, by) = (id.clone(), caller.name().to_owned());
    api.engine().transact(&namespace, move |tx| saga::skip(tx, &own, &by, &reason)).await?;
    shown(&api, namespace, id).await
}
