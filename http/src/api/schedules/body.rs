//! What a schedule is made of, in a request's body.

use everstep_engine::{
    DEFAULT_CATCHUP_WINDOW_MS, Overlap, ScheduleAction, ScheduleDefinition, ScheduleInput,
    ScheduleSpec,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::Problem;
use crate::api::target::check_text;

/// A schedule. Fields that are `null` count as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CreateSchedule)]
pub(super) struct CreateBody {
    /// The schedule's id, 1 to 512 bytes without control characters.
    #[schema(min_length = 1, max_length = 512)]
    pub(super) id: String,
    /// When it fires.
    spec: ScheduleSpec,
    /// What to do when a firing comes while a run is open; `skip` when absent.
    overlap: Option<Overlap>,
    /// How late a firing may be made up, in milliseconds; a year when absent.
    catchup_window_ms: Option<u64>,
    /// What it starts.
    action: ScheduleAction,
    /// After so many runs of its own it is finished.
    limit: Option<u64>,
    /// It begins paused.
    paused: Option<bool>,
    /// For whoever reads it.
    note: Option<String>,
}

/// What a schedule is to become. Fields that are `null` count as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UpdateSchedule)]
pub(super) struct UpdateBody {
    /// When it fires.
    spec: ScheduleSpec,
    /// What to do when a firing comes while a run is open; `skip` when absent.
    overlap: Option<Overlap>,
    /// How late a firing may be made up, in milliseconds; a year when absent.
    catchup_window_ms: Option<u64>,
    /// What it starts.
    action: ScheduleAction,
    /// After so many runs of its own it is finished; a new limit counts from now.
    limit: Option<u64>,
    /// Pauses or resumes it; it stays as it is when absent.
    paused: Option<bool>,
    /// Stays as it is when absent.
    note: Option<String>,
}

impl CreateBody {
    pub(super) fn into_parts(self) -> Result<(String, ScheduleInput), Problem> {
        let Self { id, spec, overlap, catchup_window_ms, action, limit, paused, note } = self;
        let update = UpdateBody { spec, overlap, catchup_window_ms, action, limit, paused, note };
        Ok((id, update.into_input()?))
    }
}

impl UpdateBody {
    pub(super) fn into_input(self) -> Result<ScheduleInput, Problem> {
        check_text("field `action.type` of the body", &self.action.workflow_type)?;
        if let Some(memo) = &self.action.memo
            && !memo.as_str().starts_with('{')
        {
            return Err(Problem::invalid("field `action.memo` of the body must be a json object"));
        }
        Ok(ScheduleInput {
            definition: ScheduleDefinition {
                spec: self.spec,
                overlap: self.overlap.unwrap_or_default(),
                catchup_window_ms: self.catchup_window_ms.unwrap_or(DEFAULT_CATCHUP_WINDOW_MS),
                action: self.action,
                limit: self.limit,
            },
            paused: self.paused,
            note: self.note,
        })
    }
}

/// A word with a pause or a resume.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = ScheduleNote)]
pub(super) struct NoteBody {
    /// For whoever reads it; the note stays as it is when absent.
    pub(super) note: Option<String>,
}
