//! What a path names: a stream, a scope, a position; and how a page is asked for.

use std::borrow::Cow;

use axum::http::Uri;
use everstep_engine::log::{Direction, ScopeKey, StreamId};

use super::schema::Schema;
use crate::api::Problem;
use crate::api::error_code as codes;
use crate::api::parameters::Parameters;
use crate::api::target::{check_text, segment};

/// Place of the name in `/api/v1/streams/{stream}` and its like.
const NAME: usize = 4;
const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 5_000;

/// The stream of the path.
pub(super) fn stream(uri: &Uri) -> Result<(Cow<'_, str>, StreamId), Problem> {
    let name = segment(uri, NAME, "stream")?;
    check_text("stream", &name)?;
    let stream = StreamId::from(&*name);
    Ok((name, stream))
}

/// The scope of the path.
pub(super) fn scope(uri: &Uri) -> Result<(Cow<'_, str>, ScopeKey), Problem> {
    let key = segment(uri, NAME, "scope")?;
    check_text("scope", &key)?;
    let parsed = key.parse::<ScopeKey>();
    let parsed =
        parsed.map_err(|error| Problem::new(codes::INVALID_SCOPE_KEY_FORMAT, error.to_string()))?;
    Ok((key, parsed))
}

/// The position of the path.
pub(super) fn position(uri: &Uri) -> Result<u64, Problem> {
    let text = segment(uri, NAME, "position")?;
    let position = text.parse().ok().filter(|position| *position > 0);
    position.ok_or_else(|| Problem::invalid(format!("position `{text}` is no number from 1")))
}

/// Where a page begins and which way it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// The first position or version, that one included.
    pub(super) from: u64,
    pub(super) direction: Direction,
    pub(super) size: usize,
    pub(super) schema: Schema,
}

impl Page {
    /// Of the parameters `from`, `after`, `direction`, `page_size`, `page_token` and `schema`.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let parameters = Parameters::of(uri);
        let direction = match parameters.text("direction")?.as_deref() {
            None | Some("forwards") => Direction::Forwards,
            Some("backwards") => Direction::Backwards,
            Some(other) => {
                return Err(Problem::invalid(format!(
                    "parameter `direction` must be `forwards` or `backwards`, found `{other}`"
                )));
            }
        };
        let (from, after) = (parameters.number("from")?, parameters.number("after")?);
        let token = match parameters.page_token()? {
            None => None,
            Some(token) => Some(token.parse().map_err(|_| {
                Problem::invalid(format!("page token `{token}` is not one of ours"))
            })?),
        };
        let beyond = |after: u64| match direction {
            Direction::Forwards => after.saturating_add(1),
            Direction::Backwards => after.saturating_sub(1),
        };
        let begin = match direction {
            Direction::Forwards => 1,
            Direction::Backwards => u64::MAX,
        };
        let from = token.or(from).or(after.map(beyond)).unwrap_or(begin);
        let size = parameters.page_size(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        Ok(Self { from, direction, size, schema: Schema::of(uri)? })
    }

    /// What the next page is asked for with, after something at `last`.
    pub(super) fn token(self, last: u64) -> String {
        match self.direction {
            Direction::Forwards => last + 1,
            Direction::Backwards => last.saturating_sub(1),
        }
        .to_string()
    }
}
