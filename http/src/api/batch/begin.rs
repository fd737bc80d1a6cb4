//! `POST /api/v1/batch/signal`, `…/cancel`, `…/terminate` and `…/reset`.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_engine::{BatchRequest, Principal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::body::{Args, Batch, BatchCancel, BatchReset, BatchSignal, BatchTerminate};
use crate::access::Caller;
use crate::api::error_code as codes;
use crate::api::idempotency::idempotency_key;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{check_text, segment};
use crate::api::{Api, Problem, blocking, body};

/// The batch that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchStarted {
    /// Ask for it at `GET /api/v1/batch/{batch_id}`.
    batch_id: String,
}

/// What a batch would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchDryRun {
    /// Runs that it would act on.
    total: u64,
}

/// Signal many runs
///
/// Sends a signal to every open run that the filter names and that was started before the batch.
/// The batch runs as a workflow of its own: its progress is at `GET /api/v1/batch/{batch_id}`, it
/// survives a restart, and it can be paused and cancelled like any other workflow. Each run is
/// acted on once.
#[utoipa::path(
    post,
    path = "/api/v1/batch/signal",
    security(("token" = ["operator", "own_namespaces"])),
    tag = "batch",
    params(
        ("namespace" = Option<String>, Query, description = "the namespace, where the filter names none; `default` when absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated request answer what the first one answered"),
    ),
    request_body = Batch<BatchSignal>,
    responses(
        (status = 202, description = "started", body = BatchStarted),
        (status = 200, description = "a dry run: how many runs it would act on", body = BatchDryRun),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the idempotency key was used with another request"),
        (status = 422, description = "a filter that names closed runs"),
    ),
)]
pub(super) async fn signal(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    begin::<BatchSignal>(&api, &caller, request).await
}

/// Cancel many runs
///
/// Asks every open run that the filter names to end in its own way; see "Signal many runs".
#[utoipa::path(
    post,
    path = "/api/v1/batch/cancel",
    security(("token" = ["operator", "own_namespaces"])),
    tag = "batch",
    params(
        ("namespace" = Option<String>, Query, description = "the namespace, where the filter names none; `default` when absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated request answer what the first one answered"),
    ),
    request_body = Batch<BatchCancel>,
    responses(
        (status = 202, description = "started", body = BatchStarted),
        (status = 200, description = "a dry run: how many runs it would act on", body = BatchDryRun),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the idempotency key was used with another request"),
        (status = 422, description = "a filter that names closed runs"),
    ),
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    begin::<BatchCancel>(&api, &caller, request).await
}

/// Terminate many runs
///
/// Ends every open run that the filter names at once; see "Signal many runs".
#[utoipa::path(
    post,
    path = "/api/v1/batch/terminate",
    security(("token" = ["operator", "own_namespaces"])),
    tag = "batch",
    params(
        ("namespace" = Option<String>, Query, description = "the namespace, where the filter names none; `default` when absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated request answer what the first one answered"),
    ),
    request_body = Batch<BatchTerminate>,
    responses(
        (status = 202, description = "started", body = BatchStarted),
        (status = 200, description = "a dry run: how many runs it would act on", body = BatchDryRun),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the idempotency key was used with another request"),
        (status = 422, description = "a filter that names closed runs"),
    ),
)]
pub(super) async fn terminate(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    begin::<BatchTerminate>(&api, &caller, request).await
}

/// Reset many runs
///
/// Begins a new run from an event of the history of every run that the filter names, open or
/// closed, where it is the newest of its id; see "Signal many runs".
#[utoipa::path(
    post,
    path = "/api/v1/batch/reset",
    security(("token" = ["operator", "own_namespaces"])),
    tag = "batch",
    params(
        ("namespace" = Option<String>, Query, description = "the namespace, where the filter names none; `default` when absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "makes a repeated request answer what the first one answered"),
    ),
    request_body = Batch<BatchReset>,
    responses(
        (status = 202, description = "started", body = BatchStarted),
        (status = 200, description = "a dry run: how many runs it would act on", body = BatchDryRun),
        (status = 404, description = "no such namespace"),
        (status = 409, description = "the idempotency key was used with another request"),
        (status = 422, description = "an event that no history has"),
    ),
)]
pub(super) async fn reset(
    State(api): State<Api>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    begin::<BatchReset>(&api, &caller, request).await
}

/// Whatever else is asked to be done.
pub(super) async fn unknown(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let operation = segment(&head.uri, 4, "batch operation")?;
    let known = "signal, cancel, terminate and reset";
    let detail = format!("`{operation}` is no batch operation; there are {known}");
    Err(Problem::new(codes::BATCH_NOT_FOUND, detail))
}

async fn begin<A>(api: &Api, caller: &Principal, request: Request) -> Answer
where
    A: Args + Default + DeserializeOwned,
{
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let Batch::<A> { mut filter, args, dry_run } = body::parse(&body)?;
    if let Some(namespace) = named_namespace(&head.uri, &body)? {
        filter.namespace = namespace;
    }
    check_text("parameter `namespace`", &filter.namespace)?;
    caller.reach(&filter.namespace)?;
    let mut request = BatchRequest::new(filter, args.into_operation()?);
    request.idempotency_key = idempotency_key(&head.headers)?;
    if dry_run {
        let total = blocking::read(api, move |engine| engine.count_batch(&request)).await?;
        return json(StatusCode::OK, &BatchDryRun { total });
    }
    let batch_id = api.engine().start_batch(request).await?;
    json(StatusCode::ACCEPTED, &BatchStarted { batch_id })
}

/// The namespace of the parameter, where the filter does not name its own.
fn named_namespace(uri: &Uri, body: &[u8]) -> Result<Option<String>, Problem> {
    #[derive(serde::Deserialize)]
    struct Named {
        filter: InFilter,
    }
    #[derive(serde::Deserialize)]
    struct InFilter {
        namespace: Option<serde::de::IgnoredAny>,
    }
    let named: Named = body::parse(body)?;
    let parameter = Parameters::of(uri).text("namespace")?;
    Ok(parameter.filter(|_| named.filter.namespace.is_none()).map(String::from))
}
