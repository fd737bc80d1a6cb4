//! The shop's bounded contexts: what each takes, emits and keeps, and how they relate.
//!
//! ```text
//! customers ──► orders ──► inventory      outreach, purchasing, reviews: what agents suggest
//! ```
//!
//! Invariant: a context is reached by its commands and known by its events; no other way leads in.

pub(crate) mod customers;
pub(crate) mod inventory;
pub(crate) mod orders;
mod outreach;
mod purchasing;
mod reviews;

use everstep::contexts::{Relationship, RelationshipKind, WorkerContexts};
use everstep::log::{Append, Expected, NewEvent, RecordedEvent, StreamAppend, StreamId};
use everstep::{ActivityError, BoundedContext, ContextTx, Worker};
use serde_json::Value;

/// Every context, and the map.
pub(crate) fn register(worker: Worker) -> Worker {
    let worker = customers::register(worker);
    let worker = inventory::register(orders::register(worker));
    let worker = purchasing::register(outreach::register(worker));
    let worker = reviews::register(worker);
    worker
        .relationship(Relationship {
            upstream: "customers".to_owned(),
            downstream: "orders".to_owned(),
            kind: RelationshipKind::CustomerSupplier,
            description: "an order keeps who ordered it, as of then".to_owned(),
        })
        .relationship(Relationship {
            upstream: "orders".to_owned(),
            downstream: "inventory".to_owned(),
            kind: RelationshipKind::UpstreamDownstream,
            description: "what was submitted is reserved".to_owned(),
        })
}

/// The customer that an event of any context is about.
pub(crate) fn customer_of(event: &RecordedEvent) -> Option<String> {
    event.tags().find_map(|tag| tag.strip_prefix("customer:")).map(str::to_owned)
}

/// Appends what a context has to say about a customer, to that customer's stream in it.
fn tell_of_customer<C: BoundedContext>(
    tx: &mut ContextTx<'_, '_, C>,
    customer: &str,
    event: &str,
    data: &Value,
) -> Result<(), ActivityError> {
    let mut event = NewEvent::new(event, data.to_string());
    event.tags.push(format!("customer:{customer}").into());
    let stream = Some(StreamId::new(format!("{}.Customer", C::NAME), customer));
    let stream = StreamAppend { stream, events: vec![event], expected: Expected::Any };
    tx.append(Append { streams: vec![stream], ..Append::default() }).map(drop)
}
