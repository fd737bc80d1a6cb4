//! The shop's bounded contexts: what each takes, emits and keeps, and how they relate.
//!
//! ```text
//! customers ──► orders ──► inventory      outreach, purchasing: what agents suggest
//! ```
//!
//! Invariant: a context is reached by its commands and known by its events; no other way leads in.

pub(crate) mod customers;
pub(crate) mod inventory;
pub(crate) mod orders;
mod outreach;
mod purchasing;

use everstep::Worker;
use everstep::contexts::{Relationship, RelationshipKind, WorkerContexts};
use everstep::log::RecordedEvent;

/// Every context, and the map.
pub(crate) fn register(worker: Worker) -> Worker {
    let worker = customers::register(worker);
    let worker = inventory::register(orders::register(worker));
    let worker = purchasing::register(outreach::register(worker));
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
