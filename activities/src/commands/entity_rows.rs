//! Where the states of entities rest: rows of a context of their own, which no table that a program
//! names reaches.
//!
//! Invariant: an entity's rows are opened with the type that the worker declares for its streams, and
//! with no other. A domain keeps that type to itself, so that no other context's code reads what it
//! has kept, and none but the orchestrator writes it.

use std::any::TypeId;
use std::sync::Arc;

use everstep_engine::log::{Append, StreamId};
use everstep_engine::{
    ActivityError, BoundedContext, CONTEXT_ISOLATED, ContextRules, ContextTable, Worker,
};
use serde_json::Value;

use super::Commands;
use super::aggregate::{Aggregate, Kept, Loaded, StateOf};

/// The context of entities' rows. Only this module makes a value of it.
pub(super) struct Entities(());

impl BoundedContext for Entities {
    const NAME: &'static str = "everstep.entities";
}

/// Old states, under the stream and the version.
pub(super) const SNAPSHOTS: ContextTable<Entities, Value> =
    ContextTable::new("everstep.aggregate_snapshots");

/// The newest states of the entities of a type, by their ids.
pub(super) const fn states<A: Aggregate>() -> ContextTable<Entities, Loaded<StateOf<A>>> {
    ContextTable::new(A::STREAM_TYPE)
}

/// The same rows, whatever shape their states have.
pub(super) const fn kept<A: Aggregate>() -> ContextTable<Entities, Kept> {
    ContextTable::new(A::STREAM_TYPE)
}

/// What opens the rows, for who has the type of the entities.
///
/// # Errors
/// `CONTEXT_ISOLATED` when the worker declares another type for these streams, or none.
pub(super) fn of<A: Aggregate>(commands: Option<&Commands>) -> Result<Entities, ActivityError> {
    let declared = commands.and_then(|commands| commands.type_of(A::STREAM_TYPE));
    if declared == Some(TypeId::of::<A>()) {
        return Ok(Entities(()));
    }
    let (streams, how) = (A::STREAM_TYPE, declared.map_or("not", |_| "with another type"));
    let what = format!("entities in streams of type `{streams}` are {how} declared by this worker");
    Err(ActivityError::new(CONTEXT_ISOLATED, what).non_retryable())
}

pub(super) fn register(worker: Worker) -> Worker {
    worker.bounded_context(&Entities(()), Arc::new(Anything))
}

/// What a decider appends and keeps is checked by the contract of its own context.
struct Anything;

impl ContextRules for Anything {
    fn check_table(&self, _table: &str) -> Result<(), ActivityError> {
        Ok(())
    }
    fn check_append(&self, _append: &mut Append) -> Result<(), ActivityError> {
        Ok(())
    }
    fn check_read(&self, _stream: &StreamId) -> Result<(), ActivityError> {
        Ok(())
    }
}
