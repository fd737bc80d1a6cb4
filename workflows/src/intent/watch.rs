//! Which events begin and end intents, and what is done when one does.

use std::time::Duration;

use everstep_engine::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep_engine::{
    ActivityError, Extension, Timestamp, Transaction, TransactionContext, Worker, Workflow,
    WorkflowContext, WorkflowError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rows::{INTENTS, IntentRow, IntentState, OPEN, key, open_key};

/// Waits for an intent's time to be over.
const TIMER: Workflow<Waiting, ()> = Workflow::new("everstep.intent_timer");
const TIME_OUT: Transaction<Waiting, ()> = Transaction::new("everstep.intent_time_out");

/// An intent that a timer belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    kind: String,
    intent_key: String,
    position: u64,
    until: Timestamp,
}

/// Which event begins an intent, which ones end it, and after how long it counts as abandoned. Make it
/// a constant.
#[derive(Clone, Copy, Debug)]
pub struct Intent {
    begun_by: &'static str,
    completed_by: &'static [&'static str],
    abandoned: Option<(Duration, &'static str)>,
}

impl Intent {
    /// An intent that events of this type begin.
    pub const fn new(begun_by: &'static str) -> Self {
        Self { begun_by, completed_by: &[], abandoned: None }
    }

    /// The types of the events that end it.
    #[must_use]
    pub const fn completed_by(mut self, events: &'static [&'static str]) -> Self {
        self.completed_by = events;
        self
    }

    /// After so long an event of this type is appended to the stream of the one that began it, if it is
    /// still open.
    #[must_use]
    pub const fn abandoned_after(mut self, time: Duration, event: &'static str) -> Self {
        self.abandoned = Some((time, event));
        self
    }
}

/// The intents of a worker.
#[derive(Default)]
struct Intents(Vec<Intent>);

impl Extension for Intents {}

/// Intents on a worker.
pub trait WorkerIntents {
    /// Watches an intent.
    #[must_use]
    fn intent(self, intent: Intent) -> Self;
}

impl WorkerIntents for Worker {
    fn intent(self, intent: Intent) -> Self {
        let worker = match self.extension::<Intents>() {
            Some(_) => self,
            None => self
                .on_append(appended)
                .built_in_timer(TIMER, timer)
                .transaction(TIME_OUT, time_out),
        };
        worker.extend(|intents: &mut Intents| intents.0.push(intent))
    }
}

fn intent_key(event: &RecordedEvent) -> Option<String> {
    let data: Value = serde_json::from_slice(event.data()).ok()?;
    data["intentKey"].as_str().map(str::to_owned)
}

/// The hook of every append.
fn appended(
    tx: &mut TransactionContext<'_>,
    events: &[RecordedEvent],
) -> Result<(), ActivityError> {
    let Some(intents) = tx.extension::<Intents>() else { return Ok(()) };
    for event in events {
        let name = event.event_type();
        for intent in &intents.0 {
            if intent.begun_by == name {
                begin(tx, intent, event)?;
            } else if intent.completed_by.contains(&name) {
                end(tx, intent, event)?;
            }
        }
    }
    Ok(())
}

fn begin(
    tx: &mut TransactionContext<'_>,
    intent: &Intent,
    event: &RecordedEvent,
) -> Result<(), ActivityError> {
    let Some(intent_key) = intent_key(event) else {
        let what = format!("event `{}` begins an intent and has no `intentKey`", intent.begun_by);
        return Err(ActivityError::new("INTENT_KEY_REQUIRED", what).non_retryable());
    };
    let kind = intent.begun_by.to_owned();
    let row_key = key(&kind, &intent_key);
    if tx.get(INTENTS, &row_key)?.is_some() {
        // Begun before: it stays what it is.
        return Ok(());
    }
    let (position, begun_at) = (event.position(), tx.now());
    let row = IntentRow {
        kind: kind.clone(),
        intent_key: intent_key.clone(),
        state: IntentState::Open,
        position,
        begun_at,
        ended_by: None,
        age_ms: None,
    };
    tx.put(OPEN, &open_key(&row), &row_key)?;
    tx.put(INTENTS, &row_key, &row)?;
    if let Some((time, _)) = intent.abandoned {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let id = format!("everstep.intent/{row_key}");
        let waiting = Waiting { kind, intent_key, position, until: begun_at.plus_millis(ms) };
        tx.start(TIMER, id, &waiting)?;
    }
    Ok(())
}

fn end(
    tx: &mut TransactionContext<'_>,
    intent: &Intent,
    event: &RecordedEvent,
) -> Result<(), ActivityError> {
    let Some(intent_key) = intent_key(event) else { return Ok(()) };
    close(tx, &key(intent.begun_by, &intent_key), IntentState::Completed, event.event_type())
        .map(drop)
}

/// Closes an intent that is open; answers whether it was.
fn close(
    tx: &mut TransactionContext<'_>,
    row_key: &str,
    state: IntentState,
    by: &str,
) -> Result<bool, ActivityError> {
    let Some(row) = tx.get(INTENTS, row_key)? else { return Ok(false) };
    if row.state != IntentState::Open {
        return Ok(false);
    }
    tx.delete(OPEN, &open_key(&row))?;
    let row = IntentRow { state, ended_by: Some(by.to_owned()), ..row };
    tx.put(INTENTS, row_key, &row)?;
    Ok(true)
}

async fn timer(ctx: &WorkflowContext, waiting: Waiting) -> Result<(), WorkflowError> {
    ctx.sleep_until(waiting.until).await;
    Ok(ctx.transaction(TIME_OUT, waiting).await?)
}

fn time_out(tx: &mut TransactionContext<'_>, waiting: Waiting) -> Result<(), ActivityError> {
    let Waiting { kind, intent_key, position, .. } = waiting;
    let intents = tx.extension::<Intents>();
    let intent = intents.and_then(|all| all.0.iter().find(|one| one.begun_by == kind));
    let Some((_, event_type)) = intent.and_then(|intent| intent.abandoned) else { return Ok(()) };
    if !close(tx, &key(&kind, &intent_key), IntentState::Abandoned, event_type)? {
        return Ok(());
    }
    let begun = tx.read_events(&everstep_engine::log::Query::default(), position - 1, 1)?;
    let stream = begun.first().and_then(RecordedEvent::stream);
    let stream = stream.unwrap_or_else(|| StreamId::new("Intent", intent_key.as_str()));
    let data = json!({ "intentKey": intent_key, "begunBy": kind });
    let mut event = NewEvent::new(event_type, data.to_string());
    event.causation_id = Some(position.to_string().into());
    tx.append(Append::to(stream, Expected::Any, vec![event])).map(drop)
}
