//! Which schedule a request's path names.

use axum::http::{StatusCode, Uri};

use crate::api::Problem;
pub(super) use crate::api::target::namespace;
use crate::api::target::{check_text, segment};

/// Place of the schedule's id among the segments of `/api/v1/schedules/{id}/…`.
const ID: usize = 4;

/// The schedule of the path.
pub(super) fn schedule_id(uri: &Uri) -> Result<String, Problem> {
    let id = segment(uri, ID, "schedule id")?;
    check_schedule_id(&id)?;
    Ok(id.into_owned())
}

/// The rules of schedule ids are those of workflow ids.
pub(super) fn check_schedule_id(id: &str) -> Result<(), Problem> {
    check_text("schedule id", id)?;
    if id == "." || id == ".." {
        // Clients resolve them as relative paths, so such a schedule could not be asked for.
        return Err(Problem::invalid(format!("schedule id `{id}` cannot stand in a path"))
            .with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    Ok(())
}
