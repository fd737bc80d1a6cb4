//! The contexts of a worker, and the way into them.
//!
//! Invariant: a command reaches its handler through here only: by its contract, in a part of the
//! transaction that falls alone, and from another context only where the map allows it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use everstep_engine::{
    ActivityError, BoundedContext, ContextTx, Extension, Payload, TransactionContext, Worker,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Handler;
use super::migration;
use crate::commands::as_steps;

use super::{Context, ContextError, ContextMap, Contract, Relationship};

/// A command of a context, with the types that go in and out.
///
/// ```
/// use everstep_activities::ContextCommand;
///
/// const RESERVE: ContextCommand<u32, ()> = ContextCommand::new("inventory", "ReserveStock");
/// ```
pub struct ContextCommand<I, O> {
    context: &'static str,
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Clone for ContextCommand<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<I, O> Copy for ContextCommand<I, O> {}

impl<I, O> ContextCommand<I, O> {
    /// The command `name` of a context.
    pub const fn new(context: &'static str, name: &'static str) -> Self {
        Self { context, name, types: PhantomData }
    }

    /// The context that handles it.
    pub const fn context(&self) -> &'static str {
        self.context
    }

    /// Its name in the contract.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Who asks: handed to a handler as an argument, because nothing else tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user, as the application knows them.
    pub user_id: String,
    /// The tenant: the namespace, unless the application has smaller ones.
    pub tenant_id: String,
}

impl Caller {
    /// A user of a tenant.
    pub fn new(user_id: impl Into<String>, tenant_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), tenant_id: tenant_id.into() }
    }
}

/// The contexts that a worker declares, and how they relate.
#[derive(Default)]
pub struct Contexts {
    contexts: BTreeMap<&'static str, Declared>,
    map: ContextMap,
    mistakes: Vec<String>,
}

struct Declared {
    contract: Arc<Contract>,
    handlers: BTreeMap<&'static str, Handler>,
    by_deciders: bool,
}

impl Extension for Contexts {
    fn check(&self) -> Result<(), String> {
        if let Some(mistake) = self.mistakes.first() {
            return Err(mistake.clone());
        }
        for (name, context) in &self.contexts {
            let contract = &context.contract;
            for command in contract.command_types.iter().chain(&contract.functions) {
                if !context.by_deciders && !context.handlers.contains_key(command.as_str()) {
                    return Err(format!("command `{command}` of context `{name}` has no handler"));
                }
            }
            for consumed in &context.contract.consumes {
                self.map.check_use(name, &consumed.from).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

impl Contexts {
    /// The contracts, by the contexts' names.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contexts.values().map(|context| &*context.contract)
    }

    /// One context's contract.
    ///
    /// # Errors
    /// [`ContextError::NotFound`].
    pub fn contract(&self, name: &str) -> Result<&Contract, ContextError> {
        self.declared(name).map(|context| &*context.contract)
    }

    /// How contexts relate.
    pub const fn map(&self) -> &ContextMap {
        &self.map
    }

    /// Sends a command by its names. Nothing of it stands when it fails; what the transaction did
    /// before does.
    ///
    /// # Errors
    /// `context_not_found`, `UNKNOWN_COMMAND_TYPE`, `USER_ID_REQUIRED`, a code of the contract, or
    /// what says that the handler broke the contract.
    pub fn dispatch(
        &self,
        tx: &mut TransactionContext<'_>,
        (context, command): (&str, &str),
        caller: &Caller,
        input: &Payload,
    ) -> Result<Payload, ActivityError> {
        let declared = self.declared(context).map_err(ContextError::into_failure)?;
        declared.contract.check_callable(command).map_err(ContextError::into_failure)?;
        if caller.user_id.is_empty() {
            return Err(ContextError::UserIdRequired(command.to_owned()).into_failure());
        }
        let Some(handler) = declared.handlers.get(command) else {
            let what = format!(
                "command `{command}` of context `{context}` has no handler here: send it as a command"
            );
            return Err(ActivityError::new("invalid_request", what).non_retryable());
        };
        tx.nested(|tx| handler(tx, caller, input))
    }

    /// Calls a function of a context by its names, for somebody outside. A command is none: it is
    /// sent, and recorded.
    ///
    /// # Errors
    /// `CONTEXT_ISOLATED` where the function is another context's, and as [`Contexts::dispatch`].
    pub fn call_function(
        &self,
        tx: &mut TransactionContext<'_>,
        (context, function): (&str, &str),
        caller: &Caller,
        input: &Payload,
    ) -> Result<Payload, ActivityError> {
        let has = |contract: &Contract| contract.functions.iter().any(|known| known == function);
        let own = self.contract(context).map_err(ContextError::into_failure)?;
        if has(own) {
            return self.dispatch(tx, (context, function), caller, input);
        }
        let refusal = match self.contracts().find(|contract| has(contract)) {
            Some(owner) => ContextError::Isolated {
                context: context.to_owned(),
                what: format!("function `{function}`"),
                owner: owner.name().to_owned(),
            },
            None => ContextError::UnknownCommandType {
                context: context.to_owned(),
                command: function.to_owned(),
                known: own.functions.join(", "),
            },
        };
        Err(refusal.into_failure())
    }

    fn declared(&self, name: &str) -> Result<&Declared, ContextError> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().copied().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ContextError::NotFound(name.to_owned(), known)
        })
    }
}

/// Bounded contexts of a worker.
pub trait WorkerContexts: Sized {
    /// Declares a context.
    #[must_use]
    fn context<C: BoundedContext>(self, context: Context<C>) -> Self;

    /// Draws a relationship on the context map.
    #[must_use]
    fn relationship(self, relationship: Relationship) -> Self;
}

impl WorkerContexts for Worker {
    fn context<C: BoundedContext>(self, context: Context<C>) -> Self {
        let Context { own, contract, handlers, by_deciders, migrations, mistakes } = context;
        let worker = migration::register(self, C::NAME, migrations);
        let rules = Arc::clone(&contract);
        let is_sent = |name: &&str| contract.check_command(name).is_ok();
        let steps: Vec<_> = handlers.keys().copied().filter(is_sent).collect();
        as_steps(worker, steps).bounded_context(&*own, rules).extend(|contexts: &mut Contexts| {
            contexts.mistakes.extend(mistakes);
            contexts.contexts.insert(C::NAME, Declared { contract, handlers, by_deciders });
        })
    }

    fn relationship(self, relationship: Relationship) -> Self {
        self.extend(|contexts: &mut Contexts| {
            if let Err(error) = contexts.map.relate(relationship) {
                contexts.mistakes.push(format!("{}: {error}", error.code()));
            }
        })
    }
}

/// Calls a command from a transaction that belongs to no context: a workflow's step, say. Nothing of
/// it stands when it fails; what the transaction did before does.
///
/// # Errors
/// As [`Contexts::dispatch`].
pub fn call<I: Serialize, O: DeserializeOwned>(
    tx: &mut TransactionContext<'_>,
    command: ContextCommand<I, O>,
    caller: &Caller,
    input: &I,
) -> Result<O, ActivityError> {
    let contexts = tx.extension::<Contexts>().ok_or_else(|| {
        ContextError::NotFound(command.context().to_owned(), "none".to_owned()).into_failure()
    })?;
    let input = Payload::from_value(input)?;
    let output = contexts.dispatch(tx, (command.context(), command.name()), caller, &input)?;
    Ok(output.to()?)
}

/// Calls a command of another context from within one, where the map allows it.
///
/// # Errors
/// `UNDECLARED_RELATIONSHIP`, and as [`Contexts::dispatch`].
pub fn call_from<C: BoundedContext, I: Serialize, O: DeserializeOwned>(
    from: &mut ContextTx<'_, '_, C>,
    command: ContextCommand<I, O>,
    caller: &Caller,
    input: &I,
) -> Result<O, ActivityError> {
    let tx = from.transaction();
    if let Some(contexts) = tx.extension::<Contexts>() {
        let allowed = contexts.map.check_use(C::NAME, command.context());
        allowed.map_err(ContextError::into_failure)?;
    }
    call(tx, command, caller, input)
}
