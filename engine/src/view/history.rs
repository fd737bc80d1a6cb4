//! History events as JSON: `{"event_id", "type", "at", …attributes}`.

use std::collections::BTreeMap;

use everstep_storage::Snapshot;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::kernel::{ActivityOptions, ExternalAsk, HistoryEvent, Recorded, ValueMut};
use crate::runtime::{HistoryReader, keys, payload_rows, read_run};
use crate::{Failure, Payload, Rejection, RunId, Selector, SignalInput, Timestamp};

/// A recorded event with its number, ready to be shown.
#[derive(Clone, Debug)]
pub struct EventView {
    /// Its number in the run's history, from 1.
    pub event_id: u64,
    /// The event and its time.
    pub recorded: Recorded,
}

/// A page of a history.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryPage {
    /// The events in order.
    pub events: Vec<EventView>,
    /// The number of the first event after this page, when there is one.
    #[serde(skip)]
    pub next_event_id: Option<u64>,
    /// Pass as `page_token` to get the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// Whether the run is closed, so that no more events will come.
    #[serde(skip)]
    pub closed: bool,
}

/// An attribute's value.
enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Flag(bool),
    Time(Timestamp),
    Json(&'a Payload),
    Failure(&'a Failure),
    Attributes(&'a BTreeMap<String, Payload>),
    Id(u32),
    Run(RunId),
    Signals(&'a [SignalInput]),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Time(at) => at.serialize(serializer),
            Self::Json(payload) => payload.serialize(serializer),
            Self::Failure(failure) => failure.serialize(serializer),
            Self::Attributes(attributes) => attributes.serialize(serializer),
            Self::Id(id) => serializer.collect_str(id),
            Self::Run(run_id) => run_id.serialize(serializer),
            Self::Signals(signals) => signals.serialize(serializer),
        }
    }
}

impl Serialize for EventView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event_id", &self.event_id)?;
        map.serialize_entry("type", self.recorded.event.name())?;
        map.serialize_entry("at", &self.recorded.at)?;
        for (name, value) in attributes(&self.recorded.event) {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

fn attributes(event: &HistoryEvent) -> Vec<(&'static str, Value<'_>)> {
    use Value::{Attributes, Flag, Id, Json, Number, Run, Signals, Text, Time};
    match event {
        HistoryEvent::WorkflowStarted(started) => {
            let mut attributes = vec![
                ("workflow_id", Text(&started.workflow_id)),
                ("workflow_type", Text(&started.workflow_type)),
                ("input", Json(&started.input)),
                ("build_id", Text(&started.build_id)),
            ];
            attributes.extend(started.start_delay_ms.map(|ms| ("start_delay_ms", Number(ms))));
            attributes.extend(
                started.execution_timeout_ms.map(|ms| ("execution_timeout_ms", Number(ms))),
            );
            if !started.version.is_empty() {
                attributes.push(("version", Text(&started.version)));
            }
            attributes.extend(started.run_timeout_ms.map(|ms| ("run_timeout_ms", Number(ms))));
            attributes
                .extend(started.execution_deadline.map(|at| ("execution_deadline", Time(at))));
            attributes.extend(started.memo.as_ref().map(|memo| ("memo", Json(memo))));
            if let Some(given) = &started.continued {
                attributes.push(("continued_from", Run(given.continued_from)));
                attributes.push(("first_run_id", Run(given.first_run_id)));
                attributes.push(("run_number", Number(given.run_number.into())));
                if !given.carried.signals.is_empty() {
                    attributes.push(("carried_signals", Signals(&given.carried.signals)));
                }
            }
            if let Some(parent) = &started.parent {
                attributes.push(("parent", Text(&parent.workflow_id)));
                attributes.push(("parent_run_id", Run(parent.run_id)));
            }
            if !started.search_attributes.is_empty() {
                attributes.push(("search_attributes", Attributes(&started.search_attributes)));
            }
            attributes
        }
        HistoryEvent::ActivityScheduled { activity_id, activity_type, input, options, inline } => {
            const DEFAULT: &ActivityOptions = &ActivityOptions::DEFAULT;
            let options = options.as_deref().unwrap_or(DEFAULT);
            let mut attributes = vec![
                ("activity_id", Id(*activity_id)),
                ("activity_type", Text(activity_type)),
                ("input", Json(input)),
                ("inline", Flag(*inline)),
                ("start_to_close_ms", Number(options.start_to_close_ms)),
            ];
            let times = [
                ("schedule_to_close_ms", options.schedule_to_close_ms),
                ("schedule_to_start_ms", options.schedule_to_start_ms),
                ("heartbeat_ms", options.heartbeat_ms),
            ];
            let times = times.into_iter().filter_map(|(name, ms)| Some((name, Number(ms?))));
            attributes.extend(times);
            attributes.extend(options.transaction.then_some(("transaction", Flag(true))));
            let limit = options.retry.max_attempts;
            attributes.extend(limit.map(|limit| ("max_attempts", Number(limit.into()))));
            attributes
        }
        HistoryEvent::ActivityStarted { activity_id, attempt }
        | HistoryEvent::ActivityHandedOver { activity_id, attempt } => {
            vec![("activity_id", Id(*activity_id)), ("attempt", Number(u64::from(*attempt)))]
        }
        HistoryEvent::ActivityCompleted { activity_id, result } => {
            vec![("activity_id", Id(*activity_id)), ("result", Json(result))]
        }
        HistoryEvent::ActivityFailed { activity_id, attempt, failure, retry_at } => {
            let mut attributes = vec![
                ("activity_id", Id(*activity_id)),
                ("attempt", Number(u64::from(*attempt))),
                ("failure", Value::Failure(failure)),
            ];
            attributes.extend(retry_at.map(|at| ("next_attempt_at", Time(at))));
            attributes
        }
        HistoryEvent::ActivityResultLate { activity_id, attempt, outcome } => {
            let outcome = match outcome {
                Ok(result) => ("result", Json(result)),
                Err(failure) => ("failure", Value::Failure(failure)),
            };
            vec![("activity_id", Id(*activity_id)), ("attempt", Number((*attempt).into())), outcome]
        }
        HistoryEvent::ActivityCancelRequested { activity_id } => {
            vec![("activity_id", Id(*activity_id))]
        }
        HistoryEvent::ActivityCancelled { activity_id, abandoned } => {
            let mut attributes = vec![("activity_id", Id(*activity_id))];
            attributes.extend(abandoned.then_some(("abandoned", Flag(true))));
            attributes
        }
        HistoryEvent::TimerStarted { timer_id, fires_at } => {
            vec![("timer_id", Id(*timer_id)), ("fires_at", Time(*fires_at))]
        }
        HistoryEvent::TimerFired { timer_id } | HistoryEvent::TimerCancelled { timer_id } => {
            vec![("timer_id", Id(*timer_id))]
        }
        HistoryEvent::SignalReceived { name, payload } => {
            vec![("name", Text(name)), ("payload", Json(payload))]
        }
        HistoryEvent::WorkflowCompleted { result } => vec![("result", Json(result))],
        HistoryEvent::WorkflowFailed { failure } => vec![("failure", Value::Failure(failure))],
        HistoryEvent::WorkflowTerminated { reason } | HistoryEvent::WorkflowPaused { reason } => {
            vec![("reason", Text(reason))]
        }
        HistoryEvent::WorkflowReset { from_run_id, to_event_id, reason } => vec![
            ("from_run_id", Run(*from_run_id)),
            ("to_event_id", Number(*to_event_id)),
            ("reason", Text(reason)),
        ],
        HistoryEvent::WorkflowTaskFailed(failure) => {
            let mut attributes =
                vec![("kind", Text(failure.kind.name())), ("message", Text(&failure.message))];
            attributes.extend(failure.event_id.map(|id| ("failed_event_id", Number(id))));
            let texts = [
                ("recorded", &failure.recorded),
                ("asked", &failure.asked),
                ("location", &failure.location),
            ];
            let known = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
            attributes.extend(known.map(|(name, text)| (name, Text(text))));
            attributes
        }
        HistoryEvent::ChildWorkflowStartInitiated { child_id, start } => {
            let mut attributes = vec![
                ("child_id", Id(*child_id)),
                ("workflow_id", Text(&start.workflow_id)),
                ("workflow_type", Text(&start.workflow_type)),
                ("input", Json(&start.input)),
                ("detached", Flag(start.detached)),
            ];
            if !start.detached {
                attributes.push(("close_policy", Text(start.close_policy.name())));
            }
            attributes
        }
        HistoryEvent::WorkflowContinuedAsNew { new_run_id, input } => {
            vec![("new_run_id", Run(*new_run_id)), ("input", Json(input))]
        }
        HistoryEvent::ChildWorkflowStarted { child_id, run_id } => {
            vec![("child_id", Id(*child_id)), ("run_id", Run(*run_id))]
        }
        HistoryEvent::ChildWorkflowCompleted { child_id, result } => {
            vec![("child_id", Id(*child_id)), ("result", Json(result))]
        }
        HistoryEvent::ChildWorkflowStartFailed { child_id, failure }
        | HistoryEvent::ChildWorkflowFailed { child_id, failure }
        | HistoryEvent::ChildWorkflowTerminated { child_id, failure }
        | HistoryEvent::ChildWorkflowTimedOut { child_id, failure } => {
            vec![("child_id", Id(*child_id)), ("failure", Value::Failure(failure))]
        }
        HistoryEvent::ChildWorkflowCancelRequested { child_id }
        | HistoryEvent::ChildWorkflowCancelled { child_id } => vec![("child_id", Id(*child_id))],
        HistoryEvent::ExternalRequested { request_id, request } => {
            let mut attributes =
                vec![("request_id", Id(*request_id)), ("workflow_id", Text(&request.workflow_id))];
            attributes.extend(request.run_id.map(|run_id| ("run_id", Run(run_id))));
            match &request.ask {
                ExternalAsk::Signal(signal) => {
                    attributes.push(("name", Text(&signal.name)));
                    attributes.push(("payload", Json(&signal.payload)));
                }
                ExternalAsk::Terminate { reason } => attributes.push(("reason", Text(reason))),
                ExternalAsk::Cancel => {}
            }
            attributes
        }
        HistoryEvent::ExternalDelivered { request_id, .. } => {
            vec![("request_id", Id(*request_id))]
        }
        HistoryEvent::ExternalFailed { request_id, failure, .. } => {
            vec![("request_id", Id(*request_id)), ("failure", Value::Failure(failure))]
        }
        HistoryEvent::UpdateAccepted(update) => vec![
            ("update_id", Text(&update.update_id)),
            ("name", Text(&update.name)),
            ("payload", Json(&update.payload)),
        ],
        HistoryEvent::UpdateCompleted(update) => vec![
            ("update_id", Text(&update.update_id)),
            match &update.outcome {
                Ok(result) => ("result", Json(result)),
                Err(failure) => ("failure", Value::Failure(failure)),
            },
        ],
        HistoryEvent::SearchAttributesUpserted { attributes } => {
            vec![("search_attributes", Attributes(attributes))]
        }
        HistoryEvent::MemoUpserted { memo } => vec![("memo", Attributes(memo))],
        HistoryEvent::PatchMarked { patch_id, deprecated } => {
            vec![("patch_id", Text(patch_id)), ("deprecated", Flag(*deprecated))]
        }
        HistoryEvent::StartDelayElapsed
        | HistoryEvent::WorkflowCancelRequested
        | HistoryEvent::WorkflowCancelled
        | HistoryEvent::WorkflowTimedOut
        | HistoryEvent::WorkflowTaskRecovered
        | HistoryEvent::WorkflowResumed => Vec::new(),
    }
}

/// Bytes of stored events after which a page ends, however few they are.
const PAGE_BYTES: usize = 4 << 20;

/// Reads one page of a run's history from event `from`; large payloads are read along unless it
/// `refers` to them.
pub(crate) fn page_of_history(
    snapshot: &dyn Snapshot,
    selector: &Selector,
    from: u64,
    limit: usize,
    refers: bool,
) -> Result<HistoryPage, Rejection> {
    let record = read_run(snapshot, selector)?;
    let reader = HistoryReader::from_event(snapshot, &record.namespace, record.run_id, from)?;
    let mut reader = reader.referring(refers);
    let (mut events, mut next_event_id, mut bytes) = (Vec::new(), None, 0);
    loop {
        let event_id = reader.next_event_id();
        let Some(recorded) = reader.next()? else { break };
        if events.len() == limit || bytes >= PAGE_BYTES {
            next_event_id = Some(event_id);
            break;
        }
        bytes += reader.event_bytes();
        events.push(EventView { event_id, recorded });
    }
    Ok(HistoryPage {
        events,
        next_event_id,
        next_page_token: next_event_id.map(|id| id.to_string()),
        closed: record.status.is_closed(),
    })
}

/// Reads the payload of an event that has the number `index` among the event's payloads.
pub(crate) fn payload_of_event(
    snapshot: &dyn Snapshot,
    selector: &Selector,
    event_id: u64,
    index: u16,
) -> Result<Payload, Rejection> {
    let record = read_run(snapshot, selector)?;
    let (namespace, run_id) = (record.namespace.as_str(), record.run_id);
    let reader = HistoryReader::from_event(snapshot, namespace, run_id, event_id)?;
    let mut found = None;
    if event_id > 0
        && let Some(mut recorded) = reader.referring(true).next()?
    {
        let mut left = index;
        recorded.event.visit_values(&mut |value| match (value, left.checked_sub(1)) {
            (ValueMut::Payload(payload), None) if found.is_none() => found = Some(payload.clone()),
            (ValueMut::Payload(_), Some(fewer)) => left = fewer,
            _ => {}
        });
    }
    let workflow_id = record.workflow_id.clone();
    let mut found = found.ok_or(Rejection::PayloadNotFound { workflow_id, event_id, index })?;
    payload_rows::resolve(&mut found, snapshot, &keys::run(namespace, run_id))?;
    Ok(found)
}
