//! `GET /api/v1/subscriptions/{name}/parked`, and `POST …/parked/replay` and `…/discard`.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use everstep_workflows::subscriptions::ParkedEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Call;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking};

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 500;

/// A page of parked events.
#[derive(Serialize, ToSchema)]
#[schema(as = ParkedEvents)]
pub(super) struct List {
    parked: Vec<ParkedEvent>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Which parked events: those of these positions, or all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = WhichParked)]
pub(super) struct Asked {
    positions: Option<Vec<u64>>,
    all: bool,
}

impl Asked {
    fn positions(self) -> Result<Option<Vec<u64>>, Problem> {
        if self.positions.is_some() == self.all {
            return Err(Problem::invalid("name `positions`, or say `\"all\": true`"));
        }
        Ok(self.positions)
    }
}

/// How many of those were parked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplayedEvents)]
pub(super) struct Replayed {
    replayed: usize,
}

/// How many of those were parked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscardedEvents)]
pub(super) struct Discarded {
    discarded: usize,
}

/// List parked events
///
/// In the order of their positions: `position`, `key`, `attempts`, `reason`, `parked_at`,
/// `is_behind` (nothing is wrong with it: an earlier event of its lane is parked).
#[utoipa::path(
    get,
    path = "/api/v1/subscriptions/{name}/parked",
    security(("token" = ["viewer"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
        ("page_size" = Option<u64>, Query, description = "events a page; 50 when absent, clamped to 500", minimum = 1),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
    ),
    responses(
        (status = 200, description = "a page", body = List),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn list(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, name) = (namespace(&uri)?, super::name(&uri)?);
    let parameters = Parameters::of(&uri);
    let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let after = match parameters.page_token()? {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Problem::invalid(format!("parameter `page_token` is none: `{token}`")))?,
    };
    let service = api.subscriptions().clone();
    let found = blocking::run(move || service.parked(&namespace, &name, after, size + 1));
    let mut parked = found.await?;
    let has_more = parked.len() > size;
    parked.truncate(size);
    let next_page_token = parked.last().filter(|_| has_more).map(|last| last.position.to_string());
    json(StatusCode::OK, &List { parked, next_page_token })
}

/// Replay parked events
///
/// `{"positions": [POSITION, …]}` or `{"all": true}`: they are handed out again, their attempts
/// counted anew, and with the first ones what waits behind them. Answers `{"replayed"}`.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/parked/replay",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "how many of those were parked", body = Replayed),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn replay(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let positions = body.positions()?;
    let replayed = api.subscriptions().replay(&namespace, &name, positions).await?;
    json(StatusCode::OK, &Replayed { replayed })
}

/// Discard parked events
///
/// `{"positions": [POSITION, …]}` or `{"all": true}`: they are settled without another try. Answers
/// `{"discarded"}`.
#[utoipa::path(
    post,
    path = "/api/v1/subscriptions/{name}/parked/discard",
    security(("token" = ["operator"])),
    tag = "subscriptions",
    params(
        ("name" = String, Path, description = "the subscription's name"),
        InNamespace,
    ),
    request_body = Asked,
    responses(
        (status = 200, description = "how many of those were parked", body = Discarded),
        (status = 404, description = "no such subscription or namespace"),
    ),
)]
pub(super) async fn discard(State(api): State<Api>, request: Request) -> Answer {
    let Call { namespace, name, body } = Call::<Asked>::read(&api, request).await?;
    let positions = body.positions()?;
    let discarded = api.subscriptions().discard(&namespace, &name, positions).await?;
    json(StatusCode::OK, &Discarded { discarded })
}
