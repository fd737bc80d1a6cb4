//! One run in full: what `describe` answers and the inspector's run page shows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use everstep_storage::Snapshot;

use super::relations::{Children, PendingChildView, pending_children};
use super::unwritten_end::UnwrittenEnd;
use super::{PendingUpdateView, UpdateStatus, waiting};
use crate::kernel::{
    ActivityState, LONG_HISTORY_BYTES, LONG_HISTORY_EVENTS, Run, TaskFailure, apply,
};
use crate::runtime::payload_rows::{resolve, resolve_failure};
use crate::runtime::{HistoryReader, keys, read_admitted, read_heartbeats, read_run};
use crate::sdk::{Awaited, Heartbeat, Registry};
use crate::{
    Failure, HeldBy, Payload, Rejection, RunId, RunStatus, Selector, TaskToken, Timestamp,
    TraceContext,
};

/// Everything about one run but its events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDescription {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The registered type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was started.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub started_at: Timestamp,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub closed_at: Option<Timestamp>,
    /// What it was started with.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub input: Payload,
    /// What it returned.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::result::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub result: Option<Payload>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub failure: Option<Failure>,
    /// Number of events in its history.
    pub history_length: u64,
    /// Stored size of its history, in bytes.
    pub history_bytes: u64,
    /// The first run of its chain, if it is not the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub first_run_id: Option<RunId>,
    /// The run that it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub continued_from: Option<RunId>,
    /// The run that it continued as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub continued_to: Option<RunId>,
    /// Which run of its chain it is, from 1.
    #[serde(default)]
    pub run_number: u32,
    /// Why its history is called long, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_warning: Option<String>,
    /// The workflow that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its children, closed ones too, in the order in which it asked for them.
    pub children: Vec<String>,
    /// Children that have not closed.
    #[serde(default)]
    pub pending_children: Vec<PendingChildView>,
    /// Activities that have not ended.
    pub pending_activities: Vec<PendingActivityView>,
    /// Timers that have not fired.
    pub pending_timers: Vec<PendingTimerView>,
    /// Updates that have no answer yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_updates: Vec<PendingUpdateView>,
    /// What the code waits for, by kind.
    pub awaiting: Vec<Awaiting>,
    /// The same as one sentence for people.
    pub waiting_for: String,
    /// The starter's memo.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub memo: Payload,
    /// Attributes that the list can filter by.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub search_attributes: BTreeMap<String, Payload>,
    /// Whether its code cannot go on, or an activity fails again and again.
    #[serde(default)]
    pub stuck: bool,
    /// The fingerprint of what it failed with, or of what it is stuck at: the same for every run
    /// with the same bug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The build that started it.
    pub build_id: String,
    /// The trace that it belongs to: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_id: String,
    /// The version of the code that it stays with; none for code without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The patches that its code has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<String>,
    /// The namespace that holds it.
    pub namespace: String,
    /// Whether cancellation was asked for.
    pub cancel_requested: bool,
    /// Why its code cannot go on at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_failure: Option<TaskFailure>,
}

/// An activity that has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingActivityView {
    /// Its id within the run.
    pub activity_id: String,
    /// The registered type, or the name of an inline step.
    #[serde(rename = "type")]
    pub activity_type: String,
    /// The attempt that runs or that comes next, from 1.
    pub attempt: u32,
    /// The last attempt there will be; none when there is no limit.
    pub max_attempts: Option<u32>,
    /// `scheduled`, `started`, `handed_over` (to be completed from outside), `backing_off` or
    /// `cancel_requested`.
    pub state: String,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub last_failure: Option<Failure>,
    /// When the next attempt starts, while backing off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub next_attempt_at: Option<Timestamp>,
    /// When the code asked for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub scheduled_at: Timestamp,
    /// What its last heartbeat said, as it is stored.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::result::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub last_heartbeat: Option<Payload>,
    /// The task queue that its attempts go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Why it is not running, if its queue holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// When it gave that heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub last_heartbeat_at: Option<Timestamp>,
    /// Under which the attempt is completed from outside, when it was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_token: Option<String>,
    /// When the attempt that runs began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub started_at: Option<Timestamp>,
    /// Milliseconds that one attempt may take.
    pub start_to_close_ms: u64,
    /// Milliseconds that all attempts may take together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_to_close_ms: Option<u64>,
    /// Milliseconds that it may wait for an attempt to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_to_start_ms: Option<u64>,
    /// Milliseconds that an attempt may go on without a heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    /// First pause before a retry, in milliseconds.
    pub initial_interval_ms: u64,
    /// Factor from one pause to the next.
    pub backoff_coefficient: f64,
    /// Longest pause, in milliseconds.
    pub max_interval_ms: u64,
}

/// A timer that has not fired.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingTimerView {
    /// Its id within the run.
    pub timer_id: String,
    /// When it fires.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fires_at: Timestamp,
}

/// One thing that the run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Awaiting {
    /// `activity`, `completion` (of an activity, from outside), `timer`, `signal`, `update`,
    /// `start_delay`, `task_retry`, or, of a closed run, `run_end`: a hook that is run again.
    pub kind: String,
    /// The activity's type, the timer's id, the signal's or the update's name.
    pub name: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub since: Timestamp,
}

/// Reads a run's description: the fold of its history, and the signals that its code awaits. Large
/// payloads are read along unless it `refers` to them.
pub(crate) fn describe(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    held: &dyn Fn((RunId, u32)) -> Option<HeldBy>,
    selector: &Selector,
    now: Timestamp,
    refers: bool,
) -> Result<RunDescription, Rejection> {
    let record = read_run(snapshot, selector)?;
    // What is not shown is not read.
    let reader = HistoryReader::new(snapshot, &record.namespace, record.run_id);
    let mut reader = reader.referring(true);
    let corrupt = || Rejection::Corrupt(format!("run {}: no start in its history", record.run_id));
    let first = reader.next()?.ok_or_else(corrupt)?;
    let mut run = Run::begin(&first.event, first.at).ok_or_else(corrupt)?;
    let mut children = Children::carried_by(&run);
    while let Some(recorded) = reader.next()? {
        apply(&mut run, &recorded.event, recorded.at);
        children.take_in(&recorded.event);
    }
    let stored = snapshot.get(keys::AWAITING, &keys::run(&record.namespace, record.run_id))?;
    let awaited: Awaited = match stored {
        Some(stored) => postcard::from_bytes(&stored)
            .map_err(|error| Rejection::Corrupt(format!("awaited signals: {error}")))?,
        None => Awaited::default(),
    };
    let code = registry.code_of(&run.started);
    let mut awaiting = waiting::awaiting(&run, &awaited);
    let held: BTreeMap<u32, HeldBy> =
        run.activities.keys().filter_map(|&id| Some((id, held((record.run_id, id))?))).collect();
    let mut waiting_for = waiting::sentence(&run, &awaited, &held, code.is_ok(), now);
    if run.status.is_closed()
        && let Some(unwritten) = UnwrittenEnd::of(snapshot, &run)?
    {
        awaiting.push(unwritten.awaiting());
        waiting_for = unwritten.sentence();
    }
    // Only types that declare updates have rows of them.
    let pending_updates = match code {
        Ok(entry) if entry.updates.is_empty() => Vec::new(),
        _ if run.status.is_closed() => Vec::new(),
        _ => pending_updates(snapshot, &run)?,
    };
    let heartbeats = match run.activities.is_empty() {
        true => BTreeMap::new(),
        false => read_heartbeats(snapshot, &record.namespace, record.run_id)?,
    };
    let started = &run.started;
    let mut described = RunDescription {
        workflow_id: started.workflow_id.clone(),
        run_id: started.run_id,
        workflow_type: started.workflow_type.to_string(),
        status: run.status,
        started_at: run.started_at,
        closed_at: run.closed_at,
        input: started.input.clone(),
        result: run.result.clone(),
        failure: run.failure.clone(),
        history_length: run.history_length,
        history_bytes: reader.bytes(),
        first_run_id: record.chain.as_ref().map(|chain| chain.first_run_id),
        continued_from: record.continued_from(),
        continued_to: run.continued_to,
        run_number: started.run_number(),
        history_warning: history_warning(&run, reader.bytes()),
        parent: record.parent.map(|parent| parent.workflow_id),
        children: children.workflow_ids(),
        pending_children: pending_children(&run),
        pending_activities: pending_activities(&run, &heartbeats, &held),
        pending_timers: pending_timers(&run),
        pending_updates,
        awaiting,
        waiting_for,
        memo: run.memo().cloned().unwrap_or_else(|| Payload::from_static("{}")),
        search_attributes: run.search_attributes().clone(),
        stuck: run.is_stuck(),
        fingerprint: run.fingerprint().map(crate::find::term::fingerprint_text),
        build_id: started.build_id.to_string(),
        trace_id: format!("{:032x}", TraceContext::of_run(started).trace_id()),
        version: started.version.to_string(),
        patches: run.patches.keys().map(ToString::to_string).collect(),
        namespace: started.namespace.clone(),
        cancel_requested: run.cancel_requested,
        task_failure: run.task_failure.map(|failure| *failure),
    };
    if !refers {
        described.resolve(snapshot, &keys::run(&record.namespace, record.run_id))?;
    }
    Ok(described)
}

impl RunDescription {
    /// Reads the payloads that it refers to.
    fn resolve(&mut self, snapshot: &dyn Snapshot, run: &[u8]) -> Result<(), Rejection> {
        for payload in std::iter::once(&mut self.input).chain(&mut self.result) {
            resolve(payload, snapshot, run)?;
        }
        let pending = self.pending_activities.iter_mut();
        let failures = pending.filter_map(|activity| activity.last_failure.as_mut());
        for failure in self.failure.iter_mut().chain(failures) {
            resolve_failure(failure, snapshot, run)?;
        }
        Ok(())
    }
}

/// What a long history costs, and what helps.
fn history_warning(run: &Run, bytes: u64) -> Option<String> {
    let long = run.history_length >= LONG_HISTORY_EVENTS || bytes >= LONG_HISTORY_BYTES;
    (long && !run.status.is_closed()).then(|| {
        format!(
            "its history has {} events in {} KiB, and each one makes a resume slower; let the code \
             continue as new when `should_continue_as_new` says so",
            run.history_length,
            bytes >> 10
        )
    })
}

fn pending_activities(
    run: &Run,
    heartbeats: &BTreeMap<u32, Heartbeat>,
    held: &BTreeMap<u32, HeldBy>,
) -> Vec<PendingActivityView> {
    let activities = run.activities.iter();
    activities
        .map(|(id, activity)| {
            let handed_over = matches!(activity.state, ActivityState::HandedOver(_));
            let (state, attempt, next_attempt_at) = match activity.state {
                _ if activity.cancel_requested_at.is_some() => {
                    ("cancel_requested", activity.attempt, None)
                }
                ActivityState::HandedOver(_) => ("handed_over", activity.attempt, None),
                ActivityState::Scheduled => ("scheduled", 1, None),
                ActivityState::Started(_) => ("started", activity.attempt, None),
                ActivityState::BackingOff(at) => ("backing_off", activity.attempt + 1, Some(at)),
            };
            let started_at = match activity.state {
                ActivityState::Started(at) | ActivityState::HandedOver(at) => Some(at),
                _ => None,
            };
            let options = activity.options();
            let heartbeat = heartbeats.get(id);
            let token = || TaskToken {
                namespace: run.started.namespace.clone(),
                run_id: run.started.run_id,
                activity_id: *id,
                attempt: activity.attempt,
            };
            PendingActivityView {
                queue: options.dispatch.as_ref().map(|dispatch| dispatch.queue.to_string()),
                held_by: held.get(id).cloned(),
                activity_id: id.to_string(),
                activity_type: activity.activity_type.to_string(),
                attempt,
                max_attempts: options.retry.max_attempts,
                state: state.to_owned(),
                last_failure: activity.last_failure.clone(),
                next_attempt_at,
                scheduled_at: activity.scheduled_at,
                last_heartbeat: heartbeat.map(|beat| beat.details.clone()),
                last_heartbeat_at: heartbeat.map(|beat| beat.at),
                task_token: handed_over.then(|| token().to_string()),
                started_at,
                start_to_close_ms: options.start_to_close_ms,
                schedule_to_close_ms: options.schedule_to_close_ms,
                schedule_to_start_ms: options.schedule_to_start_ms,
                heartbeat_ms: options.heartbeat_ms,
                initial_interval_ms: options.retry.initial_interval_ms,
                backoff_coefficient: options.retry.backoff_coefficient,
                max_interval_ms: options.retry.max_interval_ms,
            }
        })
        .collect()
}

fn pending_updates(
    snapshot: &dyn Snapshot,
    run: &Run,
) -> Result<Vec<PendingUpdateView>, Rejection> {
    let view = |update_id: &str, name: &str, status, since| PendingUpdateView {
        update_id: update_id.to_owned(),
        name: name.to_owned(),
        status,
        since,
    };
    let accepted = run.updates.iter();
    let mut pending: Vec<PendingUpdateView> = accepted
        .map(|(id, update)| view(id, &update.name, UpdateStatus::Accepted, update.accepted_at))
        .collect();
    pending.sort_by_key(|update| update.since);
    let admitted = read_admitted(snapshot, &run.started.namespace, run.started.first_run_id())?;
    pending.extend(
        admitted
            .iter()
            .map(|(id, record)| view(id, &record.name, UpdateStatus::Admitted, record.admitted_at)),
    );
    Ok(pending)
}

fn pending_timers(run: &Run) -> Vec<PendingTimerView> {
    let timers = run.timers.iter();
    timers
        .map(|(id, timer)| PendingTimerView { timer_id: id.to_string(), fires_at: timer.fires_at })
        .collect()
}
