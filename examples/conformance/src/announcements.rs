//! Announcements for three contexts, each of which can be broken and mended by an event; and events that
//! the store refuses while it is broken.

use everstep::log::{Append, Expected, NewEvent, RecordedEvent, StreamId};
use everstep::publication::{PublicationTarget, WorkerPublications};
use everstep::{ActivityError, Table, TransactionContext, Worker};
use serde_json::Value;

const BROKEN: Table<bool> = Table::new("announcements", "broken");
const TARGETS: [&str; 3] = ["analytics", "inventory", "mailing"];

fn named(event: &RecordedEvent) -> Option<String> {
    let data: Value = serde_json::from_slice(event.data()).ok()?;
    Some(data["what"].as_str()?.to_owned())
}

/// `Broke` and `Mended` say what; nothing `Fragile` is appended while the store is broken.
fn appended(
    tx: &mut TransactionContext<'_>,
    events: &[RecordedEvent],
) -> Result<(), ActivityError> {
    for event in events {
        match (event.event_type(), named(event)) {
            ("Broke", Some(what)) => tx.put(BROKEN, &what, &true)?,
            ("Mended", Some(what)) => tx.delete(BROKEN, &what)?,
            ("Fragile", _) if tx.get(BROKEN, "store")?.is_some() => {
                return Err(ActivityError::new("disk_fault", "the store is broken"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a target is told stands in its inbox.
fn receive(
    tx: &mut TransactionContext<'_>,
    target: &'static str,
    event: &RecordedEvent,
) -> Result<(), ActivityError> {
    let position = event.position().to_string();
    let received = NewEvent::new("Received", serde_json::json!({ "event": position }).to_string());
    let inbox = StreamId::new("Inbox", target);
    // Before it fails, so that there is something to undo.
    tx.append(Append::to(inbox, Expected::Any, vec![received]))?;
    match tx.get(BROKEN, target)? {
        Some(_) => Err(ActivityError::new("target_down", format!("{target} is down"))),
        None => Ok(()),
    }
}

pub(crate) fn register(worker: Worker) -> Worker {
    TARGETS.into_iter().fold(worker.on_append(appended), |worker, target| {
        let told = PublicationTarget::new(target).events(["Announced"]);
        worker.publish_to(told, move |tx, event| receive(tx, target, event))
    })
}
