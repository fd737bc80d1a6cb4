//! `GET /api/v1/streams/{stream}/state`: what an entity is, or was.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::commands::{AggregateReader, At, StateError};
use everstep_engine::Timestamp;

use super::target::stream;
use crate::api::error_code as codes;
use crate::api::json::{Answer, json};
use crate::api::parameters::Parameters;
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Problem, blocking};

/// Read an entity's state
///
/// After its newest event, after so many events (`version`), or after the last event that was
/// appended by a time (`at`): `stream`, `stream_type`, `stream_id`, `version`, `newest_version`,
/// `position` and `recorded_at`? of the last event of the state, `snapshot_version` (the version
/// that folding began with) and `state`. Events are read in the newest version of their schemas.
#[utoipa::path(
    get,
    path = "/api/v1/streams/{stream}/state",
    tag = "events",
    security(("token" = ["viewer"])),
    params(
        ("stream" = String, Path, description = "the stream, `Type:id`", min_length = 1, max_length = 512),
        ("version" = Option<u64>, Query, description = "after so many events", minimum = 0),
        ("at" = Option<String>, Query, description = "at this time, in RFC 3339; not together with `version`"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the state", body = serde_json::Value),
        (status = 404, description = "no such stream, or not yet, or not so many events; or a type of stream whose entities the worker does not know"),
        (status = 422, description = "an event of the stream is not what today's code expects"),
    ),
)]
pub(super) async fn state(State(api): State<Api>, uri: Uri) -> Answer {
    let (namespace, (_, stream)) = (namespace(&uri)?, stream(&uri)?);
    let parameters = Parameters::of(&uri);
    let at = match (parameters.number("version")?, parameters.text("at")?) {
        (None, None) => At::Now,
        (Some(version), None) => At::Version(version),
        (None, Some(text)) => At::Time(text.parse::<Timestamp>().map_err(|error| {
            Problem::invalid(format!("parameter `at` is no time (`{text}`): {error}"))
        })?),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("parameters `version` and `at` do not go together"));
        }
    };
    let reader = AggregateReader::new(api.engine().clone(), namespace);
    json(StatusCode::OK, &blocking::run(move || reader.view(&stream, at)).await?)
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        let code = match &error {
            StateError::Engine(rejection) => return rejection.clone().into(),
            StateError::UnknownAggregate { .. } => codes::AGGREGATE_NOT_FOUND,
            StateError::NotFound(_) | StateError::NotYet { .. } => codes::STREAM_NOT_FOUND,
            StateError::NoVersion { .. } => codes::VERSION_NOT_FOUND,
            _ => codes::STATE_UNREADABLE,
        };
        Self::new(code, error.to_string())
    }
}
