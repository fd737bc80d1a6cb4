//! `/api/v1/schemas`: the published language.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::language::{
    self, Compatibility, EventSchema, Language, LanguageError, SchemaVersion,
};
use everstep_engine::{ActivityError, TransactError, TransactionContext};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, Problem, body};

/// Place of the type in `/api/v1/schemas/{type}`.
const TYPE: usize = 4;

/// A schema to register.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RegisterSchema)]
pub(super) struct RegisterBody {
    /// The event type.
    event_type: String,
    /// `major.minor.patch`.
    version: String,
    /// `backward` (the default), `forward`, `full` or `none`.
    compatibility: Option<String>,
    /// The part of JSON Schema that is understood; `x-pii` marks personal fields, `x-subject` names
    /// the field that says whose they are.
    #[schema(value_type = Value)]
    schema: Value,
}

/// A payload and its version.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PayloadBody {
    /// The version that it was written in; the newest when absent.
    version: Option<String>,
    /// The version to read it in; only for reading. The newest when absent.
    to: Option<String>,
    /// The payload.
    #[schema(value_type = Value)]
    payload: Value,
}

/// The published language of a namespace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SchemaList {
    /// By event type: `eventType`, `current`, `versions`, `migrations`.
    schemas: Vec<Value>,
}

fn refused(error: LanguageError) -> ActivityError {
    error.into_failure()
}

fn version(text: &str) -> Result<SchemaVersion, Problem> {
    text.parse().map_err(|error: language::InvalidVersion| Problem::invalid(error.to_string()))
}

fn shown(language: &Language, event_type: &str) -> Value {
    let versions = language.versions(event_type).map(|(version, schema, compatibility)| {
        json!({
            "version": version,
            "compatibility": compatibility,
            "schema": schema.written(),
            "personalFields": schema.personal_fields(),
        })
    });
    let migrations = language.migrations(event_type);
    let migrations = migrations.map(|(from, to)| json!({ "from": from, "to": to }));
    json!({
        "eventType": event_type,
        "current": language.current(event_type).ok(),
        "versions": versions.collect::<Vec<_>>(),
        "migrations": migrations.collect::<Vec<_>>(),
    })
}

/// List schemas
///
/// Those that the worker declares, and those that were registered in the namespace.
#[utoipa::path(
    get,
    path = "/api/v1/schemas",
    security(("token" = ["viewer"])),
    tag = "schemas",
    params(InNamespace),
    responses((status = 200, description = "the schemas, by event type", body = SchemaList)),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let language = api.engine().transact(&namespace(&uri)?, |tx| language::language(tx)).await?;
    let schemas = language.event_types().map(|event_type| shown(&language, event_type)).collect();
    json(StatusCode::OK, &SchemaList { schemas })
}

/// Register a schema
///
/// Refused when it does not keep what it promises towards each older version. Migrations are code:
/// a breaking change is declared by the worker, with its up- or downcaster.
#[utoipa::path(
    post,
    path = "/api/v1/schemas",
    security(("token" = ["operator"])),
    tag = "schemas",
    params(InNamespace),
    request_body = RegisterBody,
    responses(
        (status = 201, description = "registered", body = Value),
        (status = 409, description = "it breaks its promise, or the version is taken"),
        (status = 422, description = "no schema"),
    ),
)]
pub(super) async fn register(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let RegisterBody { event_type, version: number, compatibility, schema } = body::parse(&body)?;
    check_text("field `event_type`", &event_type)?;
    let compatibility = match compatibility {
        None => Compatibility::default(),
        Some(text) => text.parse().map_err(Problem::invalid)?,
    };
    let event = EventSchema::new(event_type, version(&number)?, schema)
        .map_err(|error| TransactError::Failed(refused(error)))?
        .compatibility(compatibility);
    let stored =
        api.engine().transact(&namespace, move |tx| language::register_schema(tx, event)).await?;
    json(StatusCode::CREATED, &stored)
}

fn event_type(uri: &Uri) -> Result<String, Problem> {
    let event_type = segment(uri, TYPE, "event type")?;
    check_text("event type", &event_type)?;
    Ok(event_type.into_owned())
}

/// Show an event's schemas
#[utoipa::path(
    get,
    path = "/api/v1/schemas/{type}",
    security(("token" = ["viewer"])),
    tag = "schemas",
    params(
        ("type" = String, Path, description = "the event type"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "all its versions", body = Value),
        (status = 404, description = "nothing is registered for it"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, event_type) = (namespace(&uri)?, event_type(&uri)?);
    let found = api.engine().transact(&namespace, move |tx| {
        let language = language::language(tx)?;
        language.current(&event_type).map_err(refused)?;
        Ok(shown(&language, &event_type))
    });
    json(StatusCode::OK, &found.await?)
}

async fn with_payload(
    api: &Api,
    request: Request,
    act: impl FnOnce(&Language, &str, PayloadVersions, Value) -> Result<Value, LanguageError>
    + Send
    + 'static,
) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(api, &head.headers, body).await?;
    let (namespace, event_type) = (namespace(&head.uri)?, event_type(&head.uri)?);
    let PayloadBody { version: from, to, payload } = body::parse(&body)?;
    let (from, to) = (from.as_deref().map(version), to.as_deref().map(version));
    let (from, to) = (from.transpose()?, to.transpose()?);
    let answer = api.engine().transact(&namespace, move |tx: &mut TransactionContext<'_>| {
        let language = language::language(tx)?;
        let current = language.current(&event_type).map_err(refused)?;
        let versions = PayloadVersions { from: from.unwrap_or(current), to: to.unwrap_or(current) };
        act(&language, &event_type, versions, payload).map_err(refused)
    });
    json(StatusCode::OK, &answer.await?)
}

struct PayloadVersions {
    from: SchemaVersion,
    to: SchemaVersion,
}

/// Check a payload
///
/// Nothing is stored.
#[utoipa::path(
    post,
    path = "/api/v1/schemas/{type}/validate",
    security(("token" = ["viewer"])),
    tag = "schemas",
    params(
        ("type" = String, Path, description = "the event type"),
        InNamespace,
    ),
    request_body = PayloadBody,
    responses(
        (status = 200, description = "it is what the schema says: `version` and `metadata`", body = Value),
        (status = 404, description = "no such schema"),
        (status = 422, description = "it is not; `field` names where"),
    ),
)]
pub(super) async fn validate(State(api): State<Api>, request: Request) -> Answer {
    with_payload(&api, request, |language, event_type, versions, payload| {
        language.validate(event_type, versions.from, &payload)?;
        Ok(json!({ "valid": true, "version": versions.from }))
    })
    .await
}

/// Read a payload in another version
///
/// Migrates it along the declared up- or downcasters. What is stored stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/schemas/{type}/read",
    security(("token" = ["viewer"])),
    tag = "schemas",
    params(
        ("type" = String, Path, description = "the event type"),
        InNamespace,
    ),
    request_body = PayloadBody,
    responses(
        (status = 200, description = "`version` and `payload`", body = Value),
        (status = 404, description = "no such schema"),
        (status = 422, description = "no migration leads there"),
    ),
)]
pub(super) async fn read(State(api): State<Api>, request: Request) -> Answer {
    with_payload(&api, request, |language, event_type, versions, payload| {
        let read = language.read(event_type, payload, versions.from, versions.to)?;
        Ok(json!({ "version": versions.to, "payload": read }))
    })
    .await
}
