//! `POST /api/v1/workflows/{id}/updates/{name}`, and `GET …/updates/{update_id}` for the answer of
//! one that was not answered within the wait.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use everstep_engine::{Selector, SpanKind, UpdateInput, UpdateState};

use super::idempotency::idempotency_key;
use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, OneRun, WorkflowPath, check_text, name, selector};
use super::trace::Received;
use super::{Api, Problem, body};

/// How long an update waits for its answer unless it says otherwise.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// Update a workflow
///
/// The body is the argument, any JSON; an empty one is `null`. The workflow's code validates it,
/// takes it and answers it. The update's id, from the header `Idempotency-Key` or the parameter
/// `update_id`, makes a repetition harmless: it gets the first one's answer, also after a restart
/// and after the run has closed. Without one the server chooses a fresh id. An update that is not
/// answered within the wait is kept; ask for it by its id.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{id}/updates/{name}",
    security(("token" = ["app"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("name" = String, Path, description = "the update's name", min_length = 1, max_length = 512),
        OneRun,
        InNamespace,
        ("update_id" = Option<String>, Query, description = "the update's id; a fresh one when absent"),
        ("wait_ms" = Option<u64>, Query, description = "wait so long for the answer, in milliseconds; 30000 when absent, clamped to 60000"),
        ("Idempotency-Key" = Option<String>, Header, description = "the update's id, as `update_id`"),
        ("traceparent" = Option<String>, Header, description = "the caller's place in a trace (W3C Trace Context), to which the update is added"),
    ),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "the argument"),
    responses(
        (status = 200, description = "answered: `completed` with `result`, or `failed` with `failure`", body = UpdateState),
        (status = 202, description = "kept and not answered yet: `admitted` or `accepted`", body = UpdateState),
        (status = 404, description = "no such workflow or run, or its type declares no such update"),
        (status = 409, description = "the run is closed, or the id was used with another name or argument"),
        (status = 422, description = "turned down by the workflow's validator, or an argument that it cannot take"),
        (status = 429, description = "too many updates of the run wait for an answer"),
    ),
)]
pub(super) async fn update(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let selector = selector(&head.uri)?;
    let name = name(&head.uri, "update name")?.into_owned();
    let update_id = update_id(&head.uri, &head.headers)?;
    let wait = Parameters::of(&head.uri).wait("wait_ms")?.unwrap_or(DEFAULT_WAIT);
    let received = Received::begin(&api, &head.headers, SpanKind::Update, &name);
    let update = UpdateInput { name, payload: body::payload(&body)?, update_id };
    let state = api.engine().update(&selector, update, Duration::ZERO).await?;
    let state = waited(&api, &selector, state, wait).await?;
    if let Some(received) = received {
        received.end(&api, &selector);
    }
    answer(&state)
}

/// Wait for an update's answer
///
/// The path's last part is the update's id.
#[utoipa::path(
    get,
    path = "/api/v1/workflows/{id}/updates/{name}",
    security(("token" = ["viewer"])),
    tag = "workflows",
    params(
        WorkflowPath,
        ("name" = String, Path, description = "the update's id", min_length = 1, max_length = 512),
        OneRun,
        InNamespace,
        ("wait_ms" = Option<u64>, Query, description = "wait so long for the answer, in milliseconds; clamped to 60000"),
    ),
    responses(
        (status = 200, description = "answered: `completed` with `result`, or `failed` with `failure`", body = UpdateState),
        (status = 202, description = "not answered yet: `admitted` or `accepted`", body = UpdateState),
        (status = 404, description = "no such workflow, run or update"),
        (status = 409, description = "the run closed before it answered"),
        (status = 422, description = "turned down by the workflow's validator"),
    ),
)]
pub(super) async fn outcome(State(api): State<Api>, uri: Uri) -> Answer {
    let selector = selector(&uri)?;
    let update_id = name(&uri, "update id")?;
    let wait = Parameters::of(&uri).wait("wait_ms")?.unwrap_or_default();
    let state = api.engine().update_outcome(&selector, &update_id, Duration::ZERO).await?;
    answer(&waited(&api, &selector, state, wait).await?)
}

/// Waits for the answer of an update that has none yet; ends early when the server drains.
pub(super) async fn waited(
    api: &Api,
    selector: &Selector,
    state: UpdateState,
    wait: Duration,
) -> Result<UpdateState, Problem> {
    if state.status.is_final() || wait.is_zero() {
        return Ok(state);
    }
    tokio::select! {
        biased;
        ended = api.engine().update_outcome(selector, &state.update_id, wait) => Ok(ended?),
        () = api.draining().begun() => Ok(state),
    }
}

fn answer(state: &UpdateState) -> Answer {
    let status = if state.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, state)
}

/// The id from the query string or the header; the same when it stands in both.
fn update_id(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let key = idempotency_key(headers)?;
    let Some(parameter) = Parameters::of(uri).text("update_id")? else { return Ok(key) };
    check_text("parameter `update_id`", &parameter)?;
    match key {
        Some(key) if key != *parameter => Err(Problem::invalid(
            "parameter `update_id` and header `Idempotency-Key` name different ids",
        )),
        _ => Ok(Some(parameter.into_owned())),
    }
}
