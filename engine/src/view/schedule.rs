//! What is shown of schedules.
//!
//! Invariant: a firing that did not become a run shows, with its number and its reason; a schedule
//! that does nothing says why.

use everstep_storage::{Range, Store};
use serde::{Deserialize, Serialize};

use crate::runtime::{keys, parse_schedule};
use crate::schedule::{
    MAX_BUFFERED, Overlap, Recent, RunRef, Schedule, ScheduleAction, ScheduleCounters,
    ScheduleSpec, Timetable,
};
use crate::{Rejection, RunId, RunStatus, Timestamp};

/// Firings that a description shows ahead.
const SHOWN_AHEAD: usize = 5;
/// A firing that is later than this is shown as late, in milliseconds.
const LATE_MS: u64 = 5_000;

/// One schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Schedule))]
pub struct ScheduleDescription {
    /// Its id.
    pub id: String,
    /// The namespace that holds it.
    pub namespace: String,
    /// When it fires.
    pub spec: ScheduleSpec,
    /// What it does when a run is open.
    pub overlap: Overlap,
    /// A firing that comes later than this is missed, in milliseconds.
    pub catchup_window_ms: u64,
    /// What it starts.
    pub action: ScheduleAction,
    /// After so many runs of its own it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Whether it starts nothing of its own.
    pub paused: bool,
    /// What was said when it was created, paused or resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Runs of its own that it may still start; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// When it was created.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub updated_at: Timestamp,
    /// The next instants that it names; while it is paused, those that it would fire at.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub next: Vec<Timestamp>,
    /// The same with what jitter makes of them.
    pub upcoming: Vec<Upcoming>,
    /// The last runs, newest first.
    pub recent: Vec<ScheduledRun>,
    /// Its open runs, the first hundred.
    pub running: Vec<ScheduledRun>,
    /// How many of its runs are open.
    pub running_count: u64,
    /// Firings that wait for an open run to close.
    pub buffered: u64,
    /// How many may wait.
    pub buffer_limit: u64,
    /// Backfills that are not done yet.
    pub backfills: u64,
    /// What became of its firings.
    pub counters: ScheduleCounters,
    /// How it is.
    pub health: ScheduleHealth,
}

/// How a schedule is, in a word and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleHealth {
    /// The word.
    pub state: ScheduleHealthState,
    /// The sentence.
    pub message: String,
    /// Firings skipped since the run that is in the way has been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// The workflow that is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// The last instant that was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub last_missed_at: Option<Timestamp>,
    /// Why the last start that was refused was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<String>,
}

/// The words for how a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScheduleHealthState {
    /// It fires as its spec says.
    Ok,
    /// It is paused.
    Paused,
    /// Firings are skipped or wait because a run is open.
    Blocked,
    /// The last firing could not start its workflow.
    Refused,
    /// A firing is overdue.
    Late,
    /// It will not fire again.
    Finished,
}

/// A firing to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upcoming {
    /// The instant that the spec names; the run's id ends with it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub scheduled_at: Timestamp,
    /// When it fires: later by its jitter.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fires_at: Timestamp,
}

/// A run that a schedule started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduledRun {
    /// The workflow's id.
    pub workflow_id: String,
    /// Its first run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The instant that it stands for.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub scheduled_at: Timestamp,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// Where it stands, as far as the schedule knows: `running` until it closes.
    pub status: RunStatus,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
}

/// A page of schedules.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchedulePage {
    /// In the order of their ids.
    pub schedules: Vec<ScheduleDescription>,
    /// Pass as `page_token` to get the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What became of a trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Triggered {
    /// A run was started.
    Started {
        /// Its workflow id.
        workflow_id: String,
        /// The run.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        run_id: RunId,
    },
    /// It starts when the open run has closed.
    Buffered {
        /// The workflow that is in the way.
        waits_for: Option<String>,
    },
    /// Nothing was started, because a run is open.
    Skipped {
        /// The workflow that is in the way.
        waits_for: Option<String>,
    },
}

impl ScheduleDescription {
    pub(crate) fn of(schedule: &Schedule, namespace: &str, now: Timestamp) -> Self {
        let state = &schedule.state;
        let upcoming = upcoming(schedule.upcoming(SHOWN_AHEAD));
        Self {
            id: schedule.id.clone(),
            namespace: namespace.to_owned(),
            spec: schedule.definition.spec.clone(),
            overlap: schedule.definition.overlap,
            catchup_window_ms: schedule.definition.catchup_window_ms,
            action: schedule.definition.action.clone(),
            limit: schedule.definition.limit,
            paused: state.paused_at.is_some(),
            note: state.note.clone(),
            remaining: state.remaining,
            created_at: state.created_at,
            updated_at: state.updated_at,
            next: upcoming.iter().map(|firing| firing.scheduled_at).collect(),
            upcoming,
            recent: state.recent.iter().rev().map(ScheduledRun::recent).collect(),
            running: state.running.iter().map(|run| ScheduledRun::of(run, now)).collect(),
            running_count: state.running.len() as u64 + state.more_running,
            buffered: state.buffer.len() as u64,
            buffer_limit: MAX_BUFFERED as u64,
            backfills: state.backfills.len() as u64,
            counters: state.counters,
            health: health(schedule, now),
        }
    }
}

impl ScheduledRun {
    fn of(run: &RunRef, _now: Timestamp) -> Self {
        Self {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id,
            scheduled_at: run.scheduled_at,
            started_at: run.started_at,
            status: RunStatus::Running,
            closed_at: None,
        }
    }

    fn recent(recent: &Recent) -> Self {
        let shown = Self::of(&recent.run, recent.run.started_at);
        match recent.closed {
            Some(closed) => Self { status: closed.status, closed_at: Some(closed.at), ..shown },
            None => shown,
        }
    }
}

fn upcoming(firings: Vec<(Timestamp, Timestamp)>) -> Vec<Upcoming> {
    firings
        .into_iter()
        .map(|(scheduled_at, fires_at)| Upcoming { scheduled_at, fires_at })
        .collect()
}

fn health(schedule: &Schedule, now: Timestamp) -> ScheduleHealth {
    let state = &schedule.state;
    let in_the_way = state.running.first();
    // What was refused before something started again is history.
    let refusal = state.last_refusal.as_ref().filter(|refused| !refused.is_over);
    let since =
        |run: &RunRef| format!("run {} is still running since {}", run.workflow_id, run.started_at);
    let late = state.next.is_some_and(|next| {
        now.millis_since(schedule.timetable.due_at(&schedule.id, next)) > LATE_MS
    });
    let (word, message) = match (state.held_up, in_the_way) {
        _ if state.paused_at.is_some() => {
            let note = state.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
            let since = state.paused_at.map_or(String::new(), |at| format!(" since {at}"));
            (ScheduleHealthState::Paused, format!("paused{since}{note}"))
        }
        (Some(held_up), Some(run)) => {
            let times = if held_up.count == 1 { "once" } else { "times" };
            let count =
                if held_up.count == 1 { String::new() } else { format!("{} ", held_up.count) };
            let because = since(run);
            (ScheduleHealthState::Blocked, format!("skipped {count}{times} because {because}"))
        }
        (_, Some(run)) if !state.buffer.is_empty() => {
            let (count, because) = (state.buffer.len(), since(run));
            let word = if count == 1 { "firing waits" } else { "firings wait" };
            (ScheduleHealthState::Blocked, format!("{count} {word} because {because}"))
        }
        _ if refusal.is_some() => {
            let message = refusal.map_or("", |refused| refused.message.as_str());
            (ScheduleHealthState::Refused, format!("the last start was refused: {message}"))
        }
        _ if state.is_used_up() => {
            (ScheduleHealthState::Finished, "finished: its limit of runs is used up".to_owned())
        }
        _ if late => {
            let next = state.next.map_or(String::new(), |next| next.to_string());
            (ScheduleHealthState::Late, format!("the firing of {next} is overdue"))
        }
        _ => match state.next {
            Some(next) => (ScheduleHealthState::Ok, format!("fires next at {next}")),
            None => {
                (ScheduleHealthState::Finished, "finished: it names no more instants".to_owned())
            }
        },
    };
    let blocked = word == ScheduleHealthState::Blocked;
    ScheduleHealth {
        state: word,
        message,
        skipped: state.held_up.map(|held_up| held_up.count),
        blocked_by: in_the_way.filter(|_| blocked).map(|run| run.workflow_id.clone()),
        last_missed_at: state.last_missed_at,
        last_refusal: state
            .last_refusal
            .as_ref()
            .map(|refused| format!("the firing of {}: {}", refused.scheduled_at, refused.message)),
    }
}

/// The next firings of a spec after `after`.
pub(crate) fn preview(
    schedule_id: &str,
    spec: &ScheduleSpec,
    after: Timestamp,
    count: usize,
) -> Result<Vec<Upcoming>, Rejection> {
    let timetable = Timetable::of(spec).map_err(Rejection::Unprocessable)?;
    let first = timetable.next_after(after);
    let instants = std::iter::successors(first, |at| timetable.next_after(*at)).take(count);
    Ok(upcoming(instants.map(|at| (at, timetable.due_at(schedule_id, at))).collect()))
}

/// Reads a page of schedules.
pub(crate) fn list_schedules(
    store: &dyn Store,
    namespace: &str,
    id_prefix: &str,
    page_size: usize,
    page_token: Option<&str>,
    now: Timestamp,
) -> Result<SchedulePage, Rejection> {
    let prefix = keys::schedule(namespace, id_prefix);
    let mut range = Range::prefix(keys::SCHEDULES, &prefix).limit(page_size.saturating_add(1));
    let after = page_token.map(|token| keys::schedule(namespace, token));
    if let Some(after) = &after {
        range = range.after(after);
    }
    let snapshot = store.snapshot()?;
    let rows = snapshot.range(range)?;
    let own = keys::namespace(namespace).len();
    let mut page = SchedulePage::default();
    for (key, definition) in rows.iter().take(page_size) {
        let corrupt = || Rejection::Corrupt(format!("a schedule's row {key:?} cannot be read"));
        let id = key.get(own..).and_then(|id| std::str::from_utf8(id).ok()).ok_or_else(corrupt)?;
        let state = snapshot.get(keys::SCHEDULE_STATES, key)?.ok_or_else(corrupt)?;
        let schedule = parse_schedule(id, definition, &state)?;
        page.schedules.push(ScheduleDescription::of(&schedule, namespace, now));
    }
    if rows.len() > page_size {
        page.next_page_token = page.schedules.last().map(|last| last.id.clone());
    }
    Ok(page)
}
