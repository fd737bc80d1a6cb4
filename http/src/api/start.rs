//! `POST /api/v1/workflows`: the hot path, so one pass over the body and no layer of its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{
    DEFAULT_NAMESPACE, Failure, IdReuse, OnConflict, Payload, RunId, RunResult, RunStatus,
    Selector, SignalInput, StartRequest, Started, UpdateInput, UpdateState, UpdateStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::idempotency::idempotency_key;
use super::json::{Answer, json};
use super::parameters::Parameters;
use super::target::{InNamespace, check_text, check_workflow_id, namespace};
use super::trace::trace_context;
use super::update::{DEFAULT_WAIT as UPDATE_WAIT, waited};
use super::{Api, Problem, body};

/// A workflow to start. Fields that are `null` count as absent, but for `input`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StartWorkflow)]
pub(super) struct StartBody {
    /// The registered workflow type.
    #[serde(rename = "type")]
    workflow_type: String,
    /// The workflow's id, 1 to 512 bytes without control characters; chosen by the server when
    /// absent.
    #[schema(min_length = 1, max_length = 512)]
    id: Option<String>,
    /// The input, any JSON.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    input: Payload,
    /// What to do when the id belongs to a closed run.
    id_reuse: Option<IdReuse>,
    /// What to do when the id belongs to an open run.
    on_conflict: Option<OnConflict>,
    /// Milliseconds before the code runs first.
    start_delay_ms: Option<u64>,
    /// Milliseconds that the execution may take, from the end of the start delay: the run and all
    /// that it continues as.
    execution_timeout_ms: Option<u64>,
    /// Milliseconds that the run may take, from the end of the start delay.
    run_timeout_ms: Option<u64>,
    /// An object that is shown and returned, not searched.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    memo: Option<Payload>,
    /// An object whose fields the list can filter by.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    search_attributes: Option<BTreeMap<String, Payload>>,
    /// A signal that the answered run receives in the same commit.
    signal: Option<StartSignal>,
    /// An update that the answered run is asked in the same commit; the answer carries its outcome.
    update: Option<StartUpdate>,
}

/// An update that comes with a start.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct StartUpdate {
    /// The update's name.
    #[schema(min_length = 1, max_length = 512)]
    name: String,
    /// Its argument, any JSON.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    payload: Payload,
    /// The update's id; without one the start's idempotency key, or a fresh one.
    #[schema(min_length = 1, max_length = 512)]
    id: Option<String>,
}

/// A signal that comes with a start.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct StartSignal {
    /// The signal's name.
    #[schema(min_length = 1, max_length = 512)]
    name: String,
    /// What it carries, any JSON.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    payload: Payload,
}

/// The answer to a start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkflowStarted)]
pub(super) struct StartAnswer {
    /// The workflow's id.
    workflow_id: String,
    /// The run that was started or found.
    #[schema(value_type = String)]
    run_id: RunId,
    /// Whether this request started it.
    started: bool,
    /// With `wait_ms`: where the run stood at the end of the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    /// With `wait_ms`: what it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Payload>,
    /// With `wait_ms`: why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    failure: Option<Failure>,
    /// What became of the update that came with the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<UpdateState>,
}

/// Start a workflow
///
/// Durable when answered. With `wait_ms` the answer also waits for the result.
#[utoipa::path(
    post,
    path = "/api/v1/workflows",
    security(("token" = ["app"])),
    tag = "workflows",
    params(
        ("wait_ms" = Option<u64>, Query, description = "wait so long for the result, in milliseconds; clamped to 60000"),
        InNamespace,
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated start answer what the first one answered"),
        ("traceparent" = Option<String>, Header, description = "the caller's place in a trace (W3C Trace Context); what the run does becomes a part of that trace"),
        ("tracestate" = Option<String>, Header, description = "goes along with `traceparent`"),
    ),
    request_body = StartBody,
    responses(
        (status = 201, description = "started", body = StartAnswer),
        (status = 200, description = "`use_existing` found an open run", body = StartAnswer),
        (status = 409, description = "the id is taken, or the idempotency key was used with another body"),
        (status = 404, description = "no such namespace, or the type declares no such update"),
        (status = 429, description = "too many updates of the run wait for an answer"),
        (status = 422, description = "unknown workflow type, or an input that it cannot take"),
    ),
)]
pub(super) async fn start(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let wait = Parameters::of(&head.uri).wait("wait_ms")?;
    let mut start =
        body::parse::<StartBody>(&body)?.into_request(idempotency_key(&head.headers)?)?;
    start.namespace = namespace(&head.uri)?;
    start.trace = trace_context(&head.headers);
    if start.update.is_some() {
        return start_with_update(&api, start, wait).await;
    }
    let Some(wait) = wait else {
        let started = api.engine().start(start).await?;
        return json(status(&started), &StartAnswer::of(started, None));
    };
    let mut watch = api.engine().start_watched(start).await?;
    let result = tokio::select! {
        biased;
        result = watch.result(wait) => result,
        () = api.draining().begun() => RunResult::open(RunStatus::Running),
    };
    let started = watch.started().clone();
    json(status(&started), &StartAnswer::of(started, Some(result)))
}

/// Starts, waits for the update's outcome, and for the run's end where that is asked for.
async fn start_with_update(api: &Api, start: StartRequest, wait: Option<Duration>) -> Answer {
    let update = start.update.clone().unwrap_or_default();
    let namespace = start.namespace.clone();
    let started = api.engine().start(start).await?;
    let selector = Selector {
        namespace,
        workflow_id: started.workflow_id.clone(),
        run_id: Some(started.run_id),
    };
    let deadline = Instant::now() + wait.unwrap_or(UPDATE_WAIT);
    let UpdateInput { name, update_id, .. } = *update;
    let update_id = update_id.unwrap_or_default();
    let known = api.engine().update_outcome(&selector, &update_id, Duration::ZERO).await;
    let left = || deadline.saturating_duration_since(Instant::now());
    let outcome = match known {
        Ok(state) => waited(api, &selector, state, left()).await,
        Err(rejection) => Err(rejection.into()),
    };
    // The run is started whatever became of the update, so its refusal is part of the answer.
    let update = outcome.unwrap_or_else(|problem| UpdateState {
        update_id,
        name,
        status: UpdateStatus::Rejected,
        result: None,
        failure: Some(Failure::new(problem.code(), problem.detail())),
    });
    let result = match wait {
        None => None,
        Some(_) => Some(tokio::select! {
            biased;
            result = api.engine().result(&selector, left()) => result?,
            () = api.draining().begun() => RunResult::open(RunStatus::Running),
        }),
    };
    let answer = StartAnswer { update: Some(update), ..StartAnswer::of(started.clone(), result) };
    json(status(&started), &answer)
}

fn status(started: &Started) -> StatusCode {
    if started.started { StatusCode::CREATED } else { StatusCode::OK }
}

impl StartBody {
    /// Checks what the types do not say.
    fn into_request(self, idempotency_key: Option<String>) -> Result<StartRequest, Problem> {
        if let Some(id) = &self.id {
            check_workflow_id(id)?;
        }
        if let Some(signal) = &self.signal {
            check_text("signal name", &signal.name)?;
        }
        if let Some(update) = &self.update {
            check_text("update name", &update.name)?;
            if let Some(id) = &update.id {
                check_text("update id", id)?;
            }
        }
        if let Some(memo) = &self.memo
            && !memo.as_str().starts_with('{')
        {
            return Err(Problem::invalid("field `memo` of the body must be a json object"));
        }
        Ok(StartRequest {
            namespace: DEFAULT_NAMESPACE.to_owned(),
            workflow_type: self.workflow_type,
            workflow_id: self.id,
            input: self.input,
            id_reuse: self.id_reuse.unwrap_or_default(),
            on_conflict: self.on_conflict.unwrap_or_default(),
            start_delay_ms: self.start_delay_ms,
            execution_timeout_ms: self.execution_timeout_ms,
            run_timeout_ms: self.run_timeout_ms,
            memo: self.memo,
            search_attributes: self.search_attributes.unwrap_or_default(),
            signal: self
                .signal
                .map(|signal| SignalInput { name: signal.name, payload: signal.payload }),
            update: self.update.map(|update| {
                Box::new(UpdateInput {
                    name: update.name,
                    payload: update.payload,
                    // Named now, so that its outcome can be asked for.
                    update_id: update
                        .id
                        .or_else(|| idempotency_key.clone())
                        .or_else(|| Some(UpdateInput::fresh_id())),
                })
            }),
            idempotency_key,
            trace: None,
        })
    }
}

impl StartAnswer {
    fn of(started: Started, result: Option<RunResult>) -> Self {
        let (status, result, failure) = match result {
            Some(RunResult { status, result, failure, .. }) => (Some(status), result, failure),
            None => (None, None, None),
        };
        let Started { workflow_id, run_id, started } = started;
        Self { workflow_id, run_id, started, status, result, failure, update: None }
    }
}
