//! `/api/v1/dead-letters`: work that was given up on, and what somebody decides about it.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::dead_letters::{
    self, DeadLetter, DeadLetterFigure, DeadLetterFilter, DeadLetterStatus,
};
use everstep_activities::decider::fsm::State as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json::{Answer, json};
use super::target::{InNamespace, check_text, namespace, segment};
use super::{Api, Parameters, Problem, blocking, body, error_code as codes};
use crate::access::Caller;

/// Place of the id in `/api/v1/dead-letters/{id}/…`.
const ID: usize = 4;
const PAGE: usize = 50;
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(stats))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(ignore))
}

/// How many dead letters there are.
#[derive(Serialize)]
struct Figures {
    /// Over all kinds and targets.
    pending: u64,
    figures: Vec<DeadLetterFigure>,
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = IgnoreDeadLetter)]
pub(super) struct IgnoreBody {
    /// Why it need not be done.
    #[serde(default)]
    reason: String,
}

/// The filter of a request.
pub(super) fn filter(parameters: Parameters<'_>) -> Result<DeadLetterFilter, Problem> {
    let text = |name: &str| parameters.text(name).map(|found| found.map(|text| text.into_owned()));
    let status = match parameters.text("status")? {
        None => None,
        Some(name) => Some(DeadLetterStatus::named(&name).ok_or_else(|| {
            let known: Vec<&str> = DeadLetterStatus::ALL.iter().map(|one| one.name()).collect();
            let known = known.join(", ");
            Problem::invalid(format!("parameter `status` is one of {known}, not `{name}`"))
        })?),
    };
    let (kind, target, source) = (text("kind")?, text("target")?, text("source")?);
    Ok(DeadLetterFilter { kind, status, target, source })
}

/// List dead letters
///
/// The oldest first; with `status` by kind, and the oldest of each first. A page may be short, or
/// empty, and still name a next one.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    security(("token" = ["viewer"])),
    tag = "dead letters",
    params(
        ("kind" = Option<String>, Query, description = "only of this kind, such as `publication`"),
        ("status" = Option<String>, Query, description = "only `pending`, `retrying`, `resolved` or `ignored` ones"),
        ("target" = Option<String>, Query, description = "only for this target"),
        ("source" = Option<String>, Query, description = "only of this piece of work"),
        ("page_size" = Option<u64>, Query, description = "letters a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "a page", body = serde_json::Value),
        (status = 400, description = "no such state"),
    ),
)]
async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    let filter = filter(parameters)?;
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let found = blocking::read(&api, move |engine| {
        dead_letters::list(&engine.rows(&namespace)?, &filter, after.as_deref(), size)
    });
    json(StatusCode::OK, &found.await?)
}

/// Count dead letters
///
/// By kind, state and target.
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters/stats",
    security(("token" = ["viewer"])),
    tag = "dead letters",
    params(InNamespace),
    responses((status = 200, description = "`pending` in all, and `figures`", body = serde_json::Value)),
)]
async fn stats(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let found = blocking::read(&api, move |engine| dead_letters::stats(&engine.rows(&namespace)?));
    let figures = found.await?;
    let pending = figures.iter().filter(|one| one.status == DeadLetterStatus::Pending);
    let pending = pending.map(|one| one.count).sum();
    json(StatusCode::OK, &Figures { pending, figures })
}

fn id(uri: &Uri) -> Result<String, Problem> {
    let id = segment(uri, ID, "dead letter")?;
    check_text("dead letter", &id)?;
    Ok(id.into_owned())
}

/// Show a dead letter
#[utoipa::path(
    get,
    path = "/api/v1/dead-letters/{id}",
    security(("token" = ["viewer"])),
    tag = "dead letters",
    params(
        ("id" = String, Path, description = "the letter's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the letter", body = serde_json::Value),
        (status = 404, description = "no such letter"),
    ),
)]
async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, id) = (namespace(&uri)?, id(&uri)?);
    let wanted = id.clone();
    let found: Option<DeadLetter> =
        blocking::read(&api, move |engine| dead_letters::show(&engine.rows(&namespace)?, &wanted))
            .await?;
    let found = found.ok_or_else(|| {
        Problem::new(codes::DEAD_LETTER_NOT_FOUND, format!("dead letter `{id}` does not exist"))
    })?;
    json(StatusCode::OK, &found)
}

/// Try a dead letter again
///
/// Answered with the letter as it is then: `retrying` while the work is under way, `resolved` when
/// it is done, `pending` with `last_error` when it failed at once.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/retry",
    security(("token" = ["admin"])),
    tag = "dead letters",
    params(
        ("id" = String, Path, description = "the letter's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the letter", body = serde_json::Value),
        (status = 404, description = "no such letter"),
        (status = 409, description = "it is not pending, or no worker knows its kind"),
    ),
)]
async fn retry(State(api): State<Api>, Caller(caller): Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, id(&head.uri)?);
    let by = caller.name().to_owned();
    let tried =
        api.engine().transact(&namespace, move |tx| dead_letters::retry(tx, &id, &by)).await?;
    json(StatusCode::OK, &tried)
}

/// Ignore a dead letter
///
/// The work need not be done; `reason` says why.
#[utoipa::path(
    post,
    path = "/api/v1/dead-letters/{id}/ignore",
    security(("token" = ["admin"])),
    tag = "dead letters",
    params(
        ("id" = String, Path, description = "the letter's id"),
        InNamespace,
    ),
    request_body = IgnoreBody,
    responses(
        (status = 200, description = "the letter", body = serde_json::Value),
        (status = 404, description = "no such letter"),
        (status = 409, description = "it is not pending"),
        (status = 422, description = "no reason"),
    ),
)]
async fn ignore(State(api): State<Api>, Caller(caller): Caller, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, id(&head.uri)?);
    let IgnoreBody { reason } = body::parse_or_default(&body)?;
    let by = caller.name().to_owned();
    let ignored = api
        .engine()
        .transact(&namespace, move |tx| dead_letters::ignore(tx, &id, &by, &reason))
        .await?;
    json(StatusCode::OK, &ignored)
}
