//! What a handler hands to the orchestrator: what is to be written, or why not.

use everstep_decider::{Context, Detail, Rejection};
use everstep_engine::log::{ScopeExpectation, StreamAppend};
use everstep_engine::{ActivityError, Payload, TransactionContext};
use serde_json::Value;

type Write = Box<dyn FnOnce(&mut TransactionContext<'_>) -> Result<(), ActivityError>>;

/// One of three outcomes, on its way into the store.
pub enum Handled {
    /// It happens.
    Executed(Decision),
    /// A rule says no.
    Rejected(Rejection),
    /// Something unexpected.
    Failed {
        /// For people.
        message: String,
        /// What was there when it happened.
        context: Context,
        /// The event that tells of it, for a stream of the domain's own.
        audit: Option<StreamAppend>,
    },
}

/// What happens: events, state, answer.
#[derive(Default)]
pub struct Decision {
    pub(super) streams: Vec<StreamAppend>,
    pub(super) scopes: Vec<ScopeExpectation>,
    pub(super) writes: Vec<Write>,
    pub(super) result: Payload,
    /// What the idempotency key of the events names beside the command.
    pub(super) entity: String,
}

impl Decision {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Events for one stream.
    #[must_use]
    pub fn append(mut self, stream: StreamAppend) -> Self {
        self.streams.push(stream);
        self
    }

    /// A scope that must not have moved.
    #[must_use]
    pub(super) fn scope(mut self, scope: ScopeExpectation) -> Self {
        self.scopes.push(scope);
        self
    }

    /// What is written beside the events, in the same commit.
    #[must_use]
    pub fn write(
        mut self,
        write: impl FnOnce(&mut TransactionContext<'_>) -> Result<(), ActivityError> + 'static,
    ) -> Self {
        self.writes.push(Box::new(write));
        self
    }

    /// What the sender is answered.
    #[must_use]
    pub fn result(mut self, result: Payload) -> Self {
        self.result = result;
        self
    }
}

/// A detail as JSON.
pub(super) fn json(detail: &Detail) -> Value {
    match detail {
        Detail::Text(text) => text.as_str().into(),
        Detail::Number(number) => (*number).into(),
        Detail::Flag(flag) => (*flag).into(),
        Detail::List(list) => list.iter().map(json).collect(),
        _ => Value::Null,
    }
}
