//! `/api/v1/reservations`: values that are held for a while, and given to one entity.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_activities::reservations::{self, Claim, Reservation, ReservationKey};
use everstep_engine::log::{Append, Expected, NewEvent, StreamId};
use everstep_engine::{ActivityError, TransactError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, check_text, namespace, segment};
use crate::api::{Api, Parameters, body};

/// Place of the id in `/api/v1/reservations/{id}/…`.
const ID: usize = 4;
const PAGE: usize = 100;
const MOST: usize = 1_000;

/// A claim.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Claim)]
pub(super) struct ClaimBody {
    /// What the value is: 1 to 64 letters, digits, `_` and `-`.
    #[serde(rename = "type")]
    kind: String,
    /// The value: 1 to 512 bytes.
    value: String,
    /// For how long, in milliseconds; required.
    ttl_ms: Option<u64>,
    /// Who reserves; the same holder asking again is answered with what it holds.
    holder: Option<String>,
}

/// A confirmation.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Confirmation)]
pub(super) struct ConfirmBody {
    /// The entity that gets the value.
    entity_id: String,
    /// What creates the entity, in the same commit.
    create: Option<Creation>,
}

/// The first events of an entity's stream.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Creation {
    /// The stream's type.
    stream_type: String,
    /// The stream's id.
    stream_id: String,
    /// The events, in order.
    events: Vec<CreationEvent>,
}

/// An event of a creation.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreationEvent {
    /// What happened.
    #[serde(rename = "type")]
    event_type: String,
    /// What it says.
    #[schema(value_type = serde_json::Value)]
    data: Box<RawValue>,
    /// What it is found by.
    #[serde(default)]
    tags: Vec<String>,
}

/// A page of reservations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReservationList {
    /// In the order of their ids.
    #[schema(value_type = Vec<serde_json::Value>)]
    reservations: Vec<Reservation>,
    /// Asks for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

fn invalid(error: ActivityError) -> TransactError {
    TransactError::Failed(error)
}

/// Reserve a value
///
/// Durable when answered. Until its time is over, it is confirmed or released, nobody else can
/// reserve the value under this type.
#[utoipa::path(
    post,
    path = "/api/v1/reservations",
    security(("token" = ["app"])),
    tag = "reservations",
    params(InNamespace),
    request_body = ClaimBody,
    responses(
        (status = 201, description = "reserved", body = serde_json::Value),
        (status = 409, description = "somebody has it"),
        (status = 422, description = "no time to live, or no such key"),
    ),
)]
pub(super) async fn reserve(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let namespace = namespace(&head.uri)?;
    let ClaimBody { kind, value, ttl_ms, holder } = body::parse(&body)?;
    let key = ReservationKey::new(kind, value).map_err(invalid)?;
    if let Some(holder) = &holder {
        check_text("field `holder`", holder)?;
    }
    let claim = Claim { key, ttl_ms, holder };
    let reserved =
        api.engine().transact(&namespace, move |tx| reservations::reserve(tx, claim)).await?;
    json(StatusCode::CREATED, &reserved)
}

/// List reservations
#[utoipa::path(
    get,
    path = "/api/v1/reservations",
    security(("token" = ["viewer"])),
    tag = "reservations",
    params(
        ("key" = Option<String>, Query, description = "only the newest of this key, such as `email:alice@example.com`"),
        ("page_size" = Option<usize>, Query, description = "at most 1,000; 100 when absent"),
        ("page_token" = Option<String>, Query, description = "from the page before"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the reservations", body = ReservationList),
        (status = 400, description = "no key of a reservation"),
        (status = 422, description = "no key of a reservation"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, parameters) = (namespace(&uri)?, Parameters::of(&uri));
    if let Some(key) = parameters.text("key")? {
        let key: ReservationKey = key.parse().map_err(invalid)?;
        let found =
            api.engine().transact(&namespace, move |tx| reservations::find(tx, &key)).await?;
        let reservations = found.into_iter().collect();
        return json(StatusCode::OK, &ReservationList { reservations, next_page_token: None });
    }
    let size = parameters.page_size(PAGE, MOST)?;
    let after = parameters.page_token()?.map(std::borrow::Cow::into_owned);
    let page = move |tx: &mut everstep_engine::TransactionContext<'_>| {
        reservations::list(tx, after.as_deref(), size)
    };
    let reservations = api.engine().transact(&namespace, page).await?;
    let last = reservations.last().filter(|_| reservations.len() == size);
    let next_page_token = last.map(|last| last.reservation_id.clone());
    json(StatusCode::OK, &ReservationList { reservations, next_page_token })
}

fn id(uri: &Uri) -> Result<String, crate::api::Problem> {
    let id = segment(uri, ID, "reservation id")?;
    check_text("reservation id", &id)?;
    Ok(id.into_owned())
}

/// Show a reservation
#[utoipa::path(
    get,
    path = "/api/v1/reservations/{id}",
    security(("token" = ["viewer"])),
    tag = "reservations",
    params(
        ("id" = String, Path, description = "the reservation's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the reservation, as it is now", body = serde_json::Value),
        (status = 404, description = "no such reservation"),
    ),
)]
pub(super) async fn show(State(api): State<Api>, uri: Uri) -> Answer {
    let id = id(&uri)?;
    let found =
        api.engine().transact(&namespace(&uri)?, move |tx| reservations::show(tx, &id)).await?;
    json(StatusCode::OK, &found)
}

/// Confirm a reservation
///
/// The value belongs to the entity from now on. With `create`, the first events of the entity's
/// stream stand in the same commit: there is never the one without the other.
#[utoipa::path(
    post,
    path = "/api/v1/reservations/{id}/confirm",
    security(("token" = ["app"])),
    tag = "reservations",
    params(
        ("id" = String, Path, description = "the reservation's id"),
        InNamespace,
    ),
    request_body = ConfirmBody,
    responses(
        (status = 200, description = "confirmed", body = serde_json::Value),
        (status = 404, description = "no such reservation"),
        (status = 409, description = "expired, released, confirmed before, or the stream exists"),
    ),
)]
pub(super) async fn confirm(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let (namespace, id) = (namespace(&head.uri)?, id(&head.uri)?);
    let ConfirmBody { entity_id, create } = body::parse(&body)?;
    check_text("field `entity_id`", &entity_id)?;
    let confirmed = api.engine().transact(&namespace, move |tx| {
        let confirmed = reservations::confirm(tx, &id, &entity_id)?;
        if let Some(create) = create {
            tx.append(creation(create))?;
        }
        Ok(confirmed)
    });
    json(StatusCode::OK, &confirmed.await?)
}

fn creation(create: Creation) -> Append {
    let events = create.events.into_iter().map(|event| {
        let new = NewEvent::new(event.event_type, event.data.get().to_owned());
        event.tags.into_iter().fold(new, NewEvent::tag)
    });
    let stream = StreamId::new(create.stream_type, create.stream_id);
    Append::to(stream, Expected::Version(0), events.collect())
}

/// Release a reservation
///
/// Its key is free at once. One that has expired or was released before stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/reservations/{id}/release",
    security(("token" = ["app"])),
    tag = "reservations",
    params(
        ("id" = String, Path, description = "the reservation's id"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the reservation, as it is now", body = serde_json::Value),
        (status = 404, description = "no such reservation"),
        (status = 409, description = "it is confirmed"),
    ),
)]
pub(super) async fn release(State(api): State<Api>, uri: Uri) -> Answer {
    let id = id(&uri)?;
    let released =
        api.engine().transact(&namespace(&uri)?, move |tx| reservations::release(tx, &id)).await?;
    json(StatusCode::OK, &released)
}
