//! The outbox: rows and deliveries in the commit of the event itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_activities::dead_letters::DeadLetterKind;
use everstep_activities::work_queue::{
    self, NewWork, Patience, Work, WorkItem, WorkKind, WorkerQueue,
};
use everstep_engine::log::{Query, RecordedEvent};
use everstep_engine::{ActivityError, Extension, Timestamp, TransactionContext, Worker};

use super::PublicationTarget;
use super::record::{PUBLICATIONS, Publication, PublicationStatus};

/// Deliveries, which are tried five times. Their dead letters are `retried`, not resolved.
pub const PUBLICATION: WorkKind =
    WorkKind::new(DeadLetterKind::new("publication").calls_resolved("retried"), Patience::FIVE);

type Deliver =
    dyn Fn(&mut TransactionContext<'_>, &RecordedEvent) -> Result<(), ActivityError> + Send + Sync;

/// The targets of a worker.
#[derive(Default)]
struct Targets {
    by_context: BTreeMap<&'static str, (PublicationTarget, Arc<Deliver>)>,
    mistakes: Vec<String>,
}

impl Extension for Targets {
    fn check(&self) -> Result<(), String> {
        self.mistakes.first().map_or(Ok(()), |mistake| Err(mistake.clone()))
    }
}

/// Publications on a worker.
pub trait WorkerPublications {
    /// Tells a context of events: `deliver` runs for each, in a transaction of its own, after the
    /// commit of the event. It is tried again when it returns an error.
    #[must_use]
    fn publish_to(
        self,
        target: PublicationTarget,
        deliver: impl Fn(&mut TransactionContext<'_>, &RecordedEvent) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self;
}

impl WorkerPublications for Worker {
    fn publish_to(
        self,
        target: PublicationTarget,
        deliver: impl Fn(&mut TransactionContext<'_>, &RecordedEvent) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let worker = match self.extension::<Targets>() {
            Some(_) => self,
            None => self.on_append(publish).work(PUBLICATION, Delivery),
        };
        worker.extend(|targets: &mut Targets| {
            let context = target.context;
            if target.events.is_empty() {
                targets.mistakes.push(format!("publication target `{context}` is told nothing"));
            }
            if targets.by_context.insert(context, (target, Arc::new(deliver))).is_some() {
                targets.mistakes.push(format!("publication target `{context}` is there twice"));
            }
        })
    }
}

/// The hook of every append.
fn publish(tx: &mut TransactionContext<'_>, events: &[RecordedEvent]) -> Result<(), ActivityError> {
    let Some(targets) = tx.extension::<Targets>() else { return Ok(()) };
    for event in events {
        for (target, _) in targets.by_context.values() {
            if target.hears_of(event) {
                track(tx, event, target.context)?;
            }
        }
    }
    Ok(())
}

fn track(
    tx: &mut TransactionContext<'_>,
    event: &RecordedEvent,
    target: &str,
) -> Result<(), ActivityError> {
    let (position, now) = (event.position(), tx.now());
    let publication = Publication {
        position,
        event_type: event.event_type().to_owned(),
        source_context: event.context().map(str::to_owned),
        target_context: target.to_owned(),
        status: PublicationStatus::Pending,
        attempt_count: 0,
        last_error: None,
        correlation_id: event.correlation_id().map(str::to_owned),
        published_at: Timestamp::from_millis(event.recorded_at_ms()),
        updated_at: now,
    };
    tx.put(PUBLICATIONS, &Publication::key(position, target), &publication)?;
    let partition = format!("{position}:{target}");
    let new = NewWork::new(PUBLICATION, &partition, &partition, target)
        .payload(serde_json::json!({ "position": position }))
        .correlation_id(publication.correlation_id)
        .trace_context(event.trace().map(str::to_owned));
    work_queue::enqueue(tx, new)
}

struct Delivery;

fn position(item: &WorkItem) -> u64 {
    item.payload["position"].as_u64().unwrap_or_default()
}

fn note(
    tx: &mut TransactionContext<'_>,
    item: &WorkItem,
    status: PublicationStatus,
    error: Option<&ActivityError>,
) -> Result<(), ActivityError> {
    let key = Publication::key(position(item), &item.target);
    let Some(mut row) = tx.get(PUBLICATIONS, &key)? else { return Ok(()) };
    row.status = status;
    row.attempt_count += 1;
    row.updated_at = tx.now();
    if let Some(error) = error {
        row.last_error = Some(error.to_string());
    }
    tx.put(PUBLICATIONS, &key, &row)
}

impl Work for Delivery {
    fn attempt(
        &self,
        tx: &mut TransactionContext<'_>,
        item: &WorkItem,
    ) -> Result<(), ActivityError> {
        let key = Publication::key(position(item), &item.target);
        let row = tx.get(PUBLICATIONS, &key)?;
        if row.is_some_and(|row| row.status == PublicationStatus::Delivered) {
            return Ok(());
        }
        let target = tx.extension::<Targets>().and_then(|all| all.by_context.get(&*item.target));
        let Some((_, deliver)) = target else {
            let what = format!("no worker declares publication target `{}`", item.target);
            return Err(ActivityError::new("UNKNOWN_TARGET", what));
        };
        let after = position(item).saturating_sub(1);
        let found = tx.read_events(&Query::default(), after, 1)?;
        let Some(event) = found.first() else {
            return Err(ActivityError::new("event_not_found", item.source.as_str()));
        };
        deliver(tx, event)?;
        note(tx, item, PublicationStatus::Delivered, None)
    }

    fn failed(
        &self,
        tx: &mut TransactionContext<'_>,
        item: &WorkItem,
        error: &ActivityError,
        gives_up: bool,
    ) -> Result<(), ActivityError> {
        let status = match gives_up {
            true => PublicationStatus::DeadLetter,
            false => PublicationStatus::Failed,
        };
        note(tx, item, status, Some(error))
    }
}
