//! `GET /api/v1/publications`: what contexts tell each other, and how far each delivery is; and
//! `POST /api/v1/durable-appends`; `GET /api/v1/intents`: what was begun and has not ended.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::decider::fsm::State as _;
use everstep_activities::durable_append;
use everstep_engine::AppendRequest;
use everstep_workflows::intent;
use everstep_workflows::publication::{self, PublicationFilter, PublicationStatus};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, accepted, json};
use super::target::{InNamespace, check_text, namespace};
use super::{Api, Parameters, Problem, blocking, body};

const PAGE: usize = 50;
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(append)).routes(routes!(open_intents))
}

/// List publications
///
/// In the order of the events, a line a target: `status` (`pending`, `delivered`, `failed`,
/// `dead_letter`), `attempt_count`, `last_error`. Those that were given up are dead letters of kind
/// `publication`, which are retried and ignored there.
#[utoipa::path(
    get,
    path = "/api/v1/publications",
    security(("token" = ["viewer"])),
    tag = "publications",
    params(
        ("event" = Option<u64>, Query, description = "only of the event at this position"),
        ("status" = Option<String>, Query, description = "only with this status"),
        ("target" = Option<String>, Query, description = "only to this context"),
        ("page_size" = Option<u64>, Query, description = "publications a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page; it may be short, or empty, and still name a next one", body = serde_json::Value),
        (status = 400, description = "no such status"),
    ),
)]
async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let status = match parameters.text("status")? {
        None => None,
        Some(name) => Some(PublicationStatus::named(&name).ok_or_else(|| {
            let known: Vec<&str> = PublicationStatus::ALL.iter().map(|one| one.name()).collect();
            let known = known.join(", ");
            Problem::invalid(format!("parameter `status` is one of {known}, not `{name}`"))
        })?),
    };
    let target = parameters.text("target")?.map(std::borrow::Cow::into_owned);
    let filter = PublicationFilter { position: parameters.number("event")?, status, target };
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let found = blocking::read(&api, move |engine| {
        publication::list(&engine.rows(&namespace)?, &filter, after.as_deref(), size)
    });
    json(StatusCode::OK, &found.await?)
}

/// What has to be appended, sooner or later.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DurableAppend {
    /// The stream, as a path names one.
    stream: String,
    /// Under this key it is appended once.
    idempotency_key: String,
    /// What `POST /api/v1/streams/{stream}/events` takes.
    #[schema(value_type = Object)]
    append: AppendRequest,
}

/// Append events, sooner or later
///
/// Durable when answered. It is tried five times with pauses, those of one stream in order, and then
/// becomes a dead letter of kind `eventAppend`.
#[utoipa::path(
    post,
    path = "/api/v1/durable-appends",
    security(("token" = ["app"])),
    tag = "events",
    params(InNamespace),
    request_body = DurableAppend,
    responses(
        (status = 202, description = "it will be tried", body = serde_json::Value),
        (status = 400, description = "it could never be appended"),
        (status = 404, description = "no such namespace"),
    ),
)]
async fn append(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let DurableAppend { stream, idempotency_key, append } = body::parse(&body)?;
    check_text("field `stream`", &stream)?;
    check_text("field `idempotency_key`", &idempotency_key)?;
    append.clone().into_append(Some(&stream))?;
    let enqueued = api
        .engine()
        .transact(&namespace, move |tx| durable_append(tx, &stream, &idempotency_key, &append));
    enqueued.await?;
    Ok(accepted())
}

/// List intents that have not ended
///
/// The oldest first, with `age_ms`: what was begun, and neither completed nor abandoned.
#[utoipa::path(
    get,
    path = "/api/v1/intents",
    security(("token" = ["viewer"])),
    tag = "publications",
    params(
        ("page_size" = Option<u64>, Query, description = "how many at most; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses((status = 200, description = "`intents`, and where the next page begins", body = serde_json::Value)),
)]
async fn open_intents(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let found = blocking::read(&api, move |engine| {
        intent::open_intents(&engine.rows(&namespace)?, engine.now(), after.as_deref(), size)
    });
    json(StatusCode::OK, &found.await?)
}
