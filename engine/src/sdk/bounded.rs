//! Bounded contexts in a transaction: tables that only their own context reaches.
//!
//! A context is a type that only its own module can make a value of. Its tables are named with that
//! type, so that the compiler refuses another context's; and they lie where no plain [`Table`]
//! reaches, so that a transaction without a context does not reach them either.
//!
//! Invariant: a row of a context's table is written through a [`ContextTx`] of that context only, and
//! read through one or through a [`ContextRows`] of it; either is made only with a value of the type
//! that the worker declared under its name.
//!
//! [`Table`]: super::Table
//! [`ContextRows`]: crate::ContextRows

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use everstep_storage::log::{Append, Appended, RecordedEvent, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tables::Keys;
use super::{ActivityError, TransactionContext, Worker};
use crate::Timestamp;

/// The kind of a refusal that keeps contexts apart.
pub const CONTEXT_ISOLATED: &str = "CONTEXT_ISOLATED";

/// A bounded context. Give the type a private field, so that only its own module can make a value
/// of it: who has one may act as the context.
///
/// ```
/// use everstep_engine::BoundedContext;
///
/// pub struct Inventory(());
/// impl BoundedContext for Inventory {
///     const NAME: &'static str = "inventory";
/// }
/// ```
pub trait BoundedContext: Any + Send + Sync {
    /// The context's name; at most 255 bytes.
    const NAME: &'static str;
}

/// What a context's contract has a say in.
pub trait ContextRules: Send + Sync {
    /// Refuses a table that the contract does not have.
    ///
    /// # Errors
    /// Why.
    fn check_table(&self, table: &str) -> Result<(), ActivityError>;

    /// Refuses events that the contract does not have; may complete them.
    ///
    /// # Errors
    /// Why.
    fn check_append(&self, append: &mut Append) -> Result<(), ActivityError>;

    /// Refuses to read a stream that is another context's.
    ///
    /// # Errors
    /// Why.
    fn check_read(&self, stream: &StreamId) -> Result<(), ActivityError>;
}

/// Rows of a context `C`: text keys in order, JSON values of type `V`.
pub struct ContextTable<C, V> {
    name: &'static str,
    types: PhantomData<fn() -> (C, V)>,
}

impl<C, V> Clone for ContextTable<C, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C, V> Copy for ContextTable<C, V> {}

impl<C: BoundedContext, V> ContextTable<C, V> {
    /// The table `name` of the context; at most 255 bytes.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The durable name, without its context.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// The contexts that a worker declares: whose name it is, and what the contract says.
#[derive(Default)]
pub(crate) struct Owners(BTreeMap<&'static str, (TypeId, Arc<dyn ContextRules>)>);

impl Worker {
    /// Declares a context with its rules. A name belongs to one type.
    #[must_use]
    pub fn bounded_context<C: BoundedContext>(
        mut self,
        _: &C,
        rules: Arc<dyn ContextRules>,
    ) -> Self {
        let registry = self.registry_mut();
        let before = registry.owners.0.insert(C::NAME, (TypeId::of::<C>(), rules));
        if before.is_some() {
            registry.mistakes.push(format!("context `{}` is declared twice", C::NAME));
        }
        self
    }
}

impl Owners {
    /// What the contract of a context says, for who has a value of its type.
    ///
    /// # Errors
    /// `CONTEXT_ISOLATED` when the worker declares another type under the context's name, or none.
    pub(crate) fn rules<C: BoundedContext>(
        &self,
        _: &C,
    ) -> Result<Arc<dyn ContextRules>, ActivityError> {
        match self.0.get(C::NAME) {
            Some((owner, rules)) if *owner == TypeId::of::<C>() => Ok(Arc::clone(rules)),
            Some(_) => Err(isolated(format!("context `{}` is declared by another type", C::NAME))),
            None => Err(isolated(format!("context `{}` is not declared by this worker", C::NAME))),
        }
    }
}

/// What a context reads of its own tables: within a transaction, or off the loop.
pub trait ContextReads<C: BoundedContext> {
    /// The engine's time: the same for everything that is read here.
    fn now(&self) -> Timestamp;

    /// The row under `key`.
    ///
    /// # Errors
    /// `UNDECLARED_CMS_TYPE`, a stored value of another shape, a store that cannot be read.
    fn get<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError>;

    /// Rows in the order of their keys.
    ///
    /// # Errors
    /// As [`ContextReads::get`].
    fn range<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, ActivityError>;
}

impl<C: BoundedContext> ContextReads<C> for ContextTx<'_, '_, C> {
    fn now(&self) -> Timestamp {
        self.tx.now()
    }

    fn get<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        self.rules.check_table(table.name)?;
        self.tx.get(owned(table), key)
    }

    fn range<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, ActivityError> {
        self.rules.check_table(table.name)?;
        self.tx.range(owned(table), keys)
    }
}

/// A transaction as one context sees it.
pub struct ContextTx<'t, 'a, C> {
    tx: &'t mut TransactionContext<'a>,
    rules: Arc<dyn ContextRules>,
    /// The first write that the contract does not have.
    violation: Option<ActivityError>,
    context: PhantomData<fn() -> C>,
}

impl<'a> TransactionContext<'a> {
    /// The transaction as the context sees it. It takes a value of the context's type, which only
    /// its own module has.
    ///
    /// # Errors
    /// `CONTEXT_ISOLATED` when the worker declares another type under the context's name, or none.
    pub fn enter<C: BoundedContext>(
        &mut self,
        context: &C,
    ) -> Result<ContextTx<'_, 'a, C>, ActivityError> {
        let rules = self.owners.rules(context)?;
        Ok(ContextTx { tx: self, rules, violation: None, context: PhantomData })
    }

    /// A row of one of the context's tables, for who has the transaction only to look at.
    ///
    /// # Errors
    /// As [`TransactionContext::enter`] and [`ContextTx::get`].
    pub fn peek<C: BoundedContext, V: DeserializeOwned>(
        &self,
        context: &C,
        table: ContextTable<C, V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        self.owners.rules(context)?.check_table(table.name)?;
        self.get(owned(table), key)
    }
}

fn isolated(what: String) -> ActivityError {
    ActivityError::new(CONTEXT_ISOLATED, what).non_retryable()
}

impl<'a, C: BoundedContext> ContextTx<'_, 'a, C> {
    /// The namespace that everything here belongs to.
    pub const fn namespace(&self) -> &str {
        self.tx.namespace()
    }

    /// The engine's time: the same for everything that one transaction does.
    pub const fn now(&self) -> Timestamp {
        self.tx.now()
    }

    /// The row under `key`.
    ///
    /// # Errors
    /// `UNDECLARED_CMS_TYPE`, a stored value of another shape, a store that cannot be read.
    pub fn get<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        ContextReads::get(self, table, key)
    }

    /// Rows in the order of their keys.
    ///
    /// # Errors
    /// As [`ContextTx::get`].
    pub fn range<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, ActivityError> {
        ContextReads::range(self, table, keys)
    }

    /// The row under `key` becomes `value`.
    ///
    /// # Errors
    /// `UNDECLARED_CMS_TYPE`, a value without a JSON form, a transaction that writes too much.
    pub fn put<V: Serialize>(
        &mut self,
        table: ContextTable<C, V>,
        key: &str,
        value: &V,
    ) -> Result<(), ActivityError> {
        self.allowed(|rules| rules.check_table(table.name))?;
        self.tx.put(owned(table), key, value)
    }

    /// The row under `key` ends to exist, if it did.
    ///
    /// # Errors
    /// `UNDECLARED_CMS_TYPE`, a transaction that writes too much.
    pub fn delete<V>(&mut self, table: ContextTable<C, V>, key: &str) -> Result<(), ActivityError> {
        self.allowed(|rules| rules.check_table(table.name))?;
        self.tx.delete(owned(table), key)
    }

    /// A row of a table that is named by text: `table`, or `context/table`.
    ///
    /// # Errors
    /// `CONTEXT_ISOLATED` when the table is another context's.
    pub fn get_by_name(
        &self,
        table: &str,
        key: &str,
    ) -> Result<Option<serde_json::Value>, ActivityError> {
        let (context, name) = table.split_once('/').unwrap_or((C::NAME, table));
        if context != C::NAME {
            let here = C::NAME;
            return Err(isolated(format!(
                "context `{here}` cannot reach table `{name}` of context `{context}`: ask `{context}` \
                 by one of its commands"
            )));
        }
        self.rules.check_table(name)?;
        self.tx.owned_row(C::NAME, name, key)
    }

    /// Appends events of the context; see [`TransactionContext::append`].
    ///
    /// # Errors
    /// `UNDECLARED_EVENT_TYPE`, `FOREIGN_STREAM`, and what an append is refused with.
    pub fn append(&mut self, mut append: Append) -> Result<Appended, ActivityError> {
        self.allowed(|rules| rules.check_append(&mut append))?;
        self.tx.append(append)
    }

    /// At most `limit` events of one of the context's streams after version `after`.
    ///
    /// # Errors
    /// `FOREIGN_STREAM`, or a store that cannot be read.
    pub fn read_stream(
        &self,
        stream: &StreamId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, ActivityError> {
        self.rules.check_read(stream)?;
        self.tx.read_stream(stream, after, limit)
    }

    /// How many events one of the context's streams has.
    ///
    /// # Errors
    /// `FOREIGN_STREAM`, or a store that cannot be read.
    pub fn stream_version(&self, stream: &StreamId) -> Result<u64, ActivityError> {
        self.rules.check_read(stream)?;
        Ok(self.tx.stream_head(stream)?.events)
    }

    /// Runs a part that stands or falls alone; see [`TransactionContext::nested`].
    ///
    /// # Errors
    /// What `part` returned.
    pub fn nested<T>(
        &mut self,
        part: impl FnOnce(&mut ContextTx<'_, 'a, C>) -> Result<T, ActivityError>,
    ) -> Result<T, ActivityError> {
        let (rules, mut violation) = (Arc::clone(&self.rules), None);
        let done = self.tx.nested(|tx| {
            let mut inner = ContextTx { tx, rules, violation: None, context: PhantomData };
            let done = part(&mut inner);
            violation = inner.violation;
            done
        });
        self.violation = self.violation.take().or(violation);
        done
    }

    /// The first write that the contract does not have, whatever became of it since.
    pub fn violation(&self) -> Option<ActivityError> {
        self.violation.clone()
    }

    fn allowed(
        &mut self,
        check: impl FnOnce(&dyn ContextRules) -> Result<(), ActivityError>,
    ) -> Result<(), ActivityError> {
        check(&*self.rules).inspect_err(|error| {
            self.violation.get_or_insert_with(|| error.clone());
        })
    }

    /// The transaction without the context: for calls of other contexts, reservations, ids.
    pub const fn transaction(&mut self) -> &mut TransactionContext<'a> {
        self.tx
    }
}

/// The plain table below a context's.
pub(crate) const fn owned<C: BoundedContext, V>(table: ContextTable<C, V>) -> super::Table<V> {
    super::Table::owned(C::NAME, table.name)
}
