//! `POST /api/v1/subscriptions/{name}/poll`: events for a consumer.
//!
//! Invariant: an answer that nobody is there to take goes back at once, as if it had not been made;
//! one that is lost on its way comes again when its time is over.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_engine::{Engine, LoggedEvent, Timestamp};
use everstep_workflows::subscriptions::{Delivery, MOST_A_POLL, PollRequest, Settled};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Call;
use super::settle::tokens;
use crate::api::json::{Answer, json};
use crate::api::log::Schema;
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, check_text};
use crate::api::{Api, Problem};

const DEFAULT_EVENTS: usize = 10;
/// The longest that a consumer may ask for an event for.
const LONGEST_LEASE_MS: u64 = 12 * 60 * 60 * 1_000;

/// What a consumer asks for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = PollSubscription)]
pub(super) struct Asked {
    /// Who it is.
    consumer: Option<String>,
    /// At most so many events, 1 to 500; 10 when absent.
    max: Option<usize>,
    /// For how many milliseconds they are the consumer's.
    lease_ms: Option<u64>,
    /// The tokens of deliveries that are done.
    ack: Vec<String>,
}

/// Events that are handed out.
#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(super) struct Polled {
    deliveries: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Settled>,
}

/// An event that is handed out.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct Shown {
    /// What it is settled by.
    token: String,
    /// The event's position: the same each time that it comes.
    position: u64,
    /// Its lane.
    key: String,
    /// How often it was handed out, this time included.
    attempt: u32,
    /// Until when it is the consumer's.
    #[schema(value_type = String)]
    leased_until: Timestamp,
    event: LoggedEvent,
}

/// Poll a subscription
///
/// `{"consumer"?, "max"?: 1 to 500, "lease_ms"?, "ack"?: [TOKEN, …]}` is answered with
/// `{"deliveries": [{"token", "position", "key", "attempt", "leased_until", "event"}]}`: the oldest
/// events of lanes of which none is handed out, at most one a lane. They are the consumer's until
/// `leased_until`; settle each by its token. Events come at least once: recognise a repetition by
/// its `position`. `ack` acknowledges what the consumer has done before, in the same commit. An
/// event's data are in the newest version that the worker declares a schema of, where a migration
/// leads there.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/poll",
    security(("token" = ["app"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        ("wait_ms" = Option<u64>, Query, description = "wait so long for a first event, in milliseconds; clamped to 60000"),
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "the events; none at the end of the wait", body = Polled),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn poll(State(api): State<Api>, request: Request) -> Answer {
    let wait = Parameters::of(request.uri()).wait("wait_ms")?.unwrap_or(Duration::ZERO);
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let Asked { consumer, max, lease_ms, ack } = body;
    let consumer = consumer.unwrap_or_else(|| "consumer".to_owned());
    check_text("field `consumer`", &consumer)?;
    if consumer.starts_with("everstep.") {
        let what = "field `consumer` begins with `everstep.`, which is the server's own";
        return Err(Problem::invalid(what.to_owned()));
    }
    let most = max.unwrap_or(DEFAULT_EVENTS);
    if !(1..=MOST_A_POLL).contains(&most) {
        return Err(Problem::invalid(format!("field `max` is 1 to {MOST_A_POLL}, found {most}")));
    }
    if lease_ms.is_some_and(|lease| !(1..=LONGEST_LEASE_MS).contains(&lease)) {
        return Err(Problem::invalid(format!("field `lease_ms` is 1 to {LONGEST_LEASE_MS}")));
    }
    let ack = tokens(&ack)?;
    let service = api.subscriptions();
    // Asked for first, and so decided first: what it frees can be handed out in the same commit.
    let acknowledge = async {
        match ack.is_empty() {
            true => Ok(None),
            false => service.ack(&namespace, &name, &ack).await.map(Some),
        }
    };
    let request = PollRequest { consumer, most, lease_ms, wait };
    let polling = async {
        tokio::select! {
            polled = service.poll(&namespace, &name, request) => polled,
            () = api.draining().begun() => Ok(Vec::new()),
        }
    };
    let (acknowledged, deliveries) = tokio::join!(acknowledge, polling);
    let (acknowledged, deliveries) = (acknowledged?, deliveries?);
    let deliveries = deliveries.into_iter().map(|one| shown(api.engine(), one));
    let deliveries = deliveries.collect::<Result<_, _>>()?;
    json(StatusCode::OK, &Polled { deliveries, acknowledged })
}

fn shown(engine: &Engine, delivery: Delivery) -> Result<Shown, Problem> {
    let Delivery { token, key, attempt, leased_until, event } = delivery;
    let event = LoggedEvent::try_from(&*Schema::Latest.read(engine, &event))?;
    let position = token.position;
    Ok(Shown { token: token.to_string(), position, key, attempt, leased_until, event })
}
