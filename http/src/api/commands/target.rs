//! What a path below `/api/v1/commands` and `/api/v1/correlations` names.

use std::borrow::Cow;

use axum::http::Uri;

use crate::api::Problem;
use crate::api::target::{check_text, segment};

/// Place of the name among the segments of `/api/v1/commands/{command}`.
const NAME: usize = 4;

/// A command's name or id, or a correlation's id.
pub(super) fn name<'a>(uri: &'a Uri, what: &str) -> Result<Cow<'a, str>, Problem> {
    let name = segment(uri, NAME, what)?;
    check_text(what, &name)?;
    Ok(name)
}
