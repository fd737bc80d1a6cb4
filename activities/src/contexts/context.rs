//! One bounded context: its contract, and the handlers of its commands.
//!
//! Invariant: a handler runs only when the contract has its command and somebody is named who asks,
//! and what it did stands only when all of it was in the contract, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstep_engine::log::{Append, StreamId};
use everstep_engine::{
    ActivityError, BoundedContext, ContextRules, ContextTx, Payload, TransactionContext,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::migration::OfContext;
use super::{Caller, ContextCommand, ContextError, Contract};

/// Codes of the house, which a handler passes on without declaring them.
const OWN_CODES: [&str; 17] = [
    "VERSION_CONFLICT",
    "SCOPE_VERSION_MISMATCH",
    "CONTEXT_ISOLATED",
    "UNDECLARED_EVENT_TYPE",
    "UNDECLARED_CMS_TYPE",
    "UNDECLARED_ERROR_CODE",
    "UNDECLARED_RELATIONSHIP",
    "UNKNOWN_COMMAND_TYPE",
    "USER_ID_REQUIRED",
    "FOREIGN_STREAM",
    "SCHEMA_VALIDATION_FAILED",
    "append_condition_failed",
    "assertion_failed",
    "idempotency_conflict",
    "invalid_request",
    "transaction_too_large",
    "unavailable",
];

pub(super) type Handler = Arc<
    dyn Fn(&mut TransactionContext<'_>, &Caller, &Payload) -> Result<Payload, ActivityError>
        + Send
        + Sync,
>;

/// A bounded context that is being put together: its contract, and a handler for each command.
pub struct Context<C> {
    pub(super) own: Arc<C>,
    pub(super) contract: Arc<Contract>,
    pub(super) handlers: BTreeMap<&'static str, Handler>,
    pub(super) by_deciders: bool,
    pub(super) migrations: OfContext,
    pub(super) mistakes: Vec<String>,
}

impl<C: BoundedContext> Context<C> {
    /// The context of this value, which only its own module can make.
    pub fn new(own: C, contract: Contract) -> Self {
        let mut mistakes = Vec::new();
        if contract.name() != C::NAME {
            let named = contract.name();
            mistakes.push(format!("context `{}` has a contract of `{named}`", C::NAME));
        }
        let (own, contract) = (Arc::new(own), Arc::new(contract));
        let (handlers, migrations) = (BTreeMap::new(), OfContext::new());
        Self { own, contract, handlers, by_deciders: false, migrations, mistakes }
    }

    /// Commands of the contract without a handler here are decided by deciders that name this
    /// context: declare them with [`WorkerCommands`](crate::commands::WorkerCommands). The contract
    /// holds for them all the same.
    #[must_use]
    pub const fn by_deciders(mut self) -> Self {
        self.by_deciders = true;
        self
    }

    /// Handles commands of the type, or calls of the function. The handler gets the transaction as this context sees it, who
    /// asks, and the command's payload; all that it writes stands or falls together.
    #[must_use]
    pub fn command<I, O>(
        mut self,
        command: ContextCommand<I, O>,
        handler: impl Fn(&mut ContextTx<'_, '_, C>, &Caller, I) -> Result<O, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
    {
        let (name, context) = (command.name(), command.context());
        if context != C::NAME {
            let what =
                format!("command `{name}` belongs to context `{context}`, not to `{}`", C::NAME);
            self.mistakes.push(what);
        }
        if let Err(error) = self.contract.check_callable(name) {
            self.mistakes.push(error.to_string());
        }
        let (own, contract) = (Arc::clone(&self.own), Arc::clone(&self.contract));
        let handler =
            Arc::new(move |tx: &mut TransactionContext<'_>, caller: &Caller, input: &Payload| {
                let input = input.to::<I>().map_err(|error| {
                    let what = format!("command `{name}` cannot take this payload: {error}");
                    ActivityError::new("invalid_request", what).non_retryable()
                })?;
                let mut entered = tx.enter(&*own)?;
                let done = handler(&mut entered, caller, input);
                // What the contract forbids is not mended by a handler that passes over it.
                if let Some(violation) = entered.violation() {
                    return Err(violation);
                }
                let output = done.map_err(|error| declared_or_not(&contract, error))?;
                Ok(Payload::from_value(&output)?)
            });
        if self.handlers.insert(name, handler).is_some() {
            self.mistakes.push(format!("command `{name}` has two handlers"));
        }
        self
    }
}

/// The failure, or another one when the contract does not have its code.
fn declared_or_not(contract: &Contract, error: ActivityError) -> ActivityError {
    if OWN_CODES.contains(&error.kind()) {
        return error;
    }
    match contract.check_error_code(error.kind()) {
        Ok(()) => error.non_retryable(),
        Err(undeclared) => {
            undeclared.into_failure_with(&serde_json::json!({ "undeclared": error.to_string() }))
        }
    }
}

impl ContextRules for Contract {
    fn check_table(&self, table: &str) -> Result<(), ActivityError> {
        Self::check_table(self, table).map_err(ContextError::into_failure)
    }

    fn check_append(&self, append: &mut Append) -> Result<(), ActivityError> {
        for stream in &mut append.streams {
            let stream_type = stream.stream.as_ref().map(|stream| &*stream.stream_type);
            for event in &mut stream.events {
                self.check_event(&event.event_type, stream_type)
                    .map_err(ContextError::into_failure)?;
                event.context = Some(self.name().into());
            }
        }
        Ok(())
    }

    fn check_read(&self, stream: &StreamId) -> Result<(), ActivityError> {
        self.check_stream(&stream.stream_type).map_err(ContextError::into_failure)
    }
}
