//! A context's tables as they are at one durable moment, read off the loop.
//!
//! Invariant: as in a transaction, a context's rows are read only by who has a value of its type.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::row_snapshot::RowSnapshot;
use crate::sdk::owned;
use crate::{
    ActivityError, BoundedContext, ContextReads, ContextRules, ContextTable, Keys, Rejection,
    Timestamp,
};

/// A moment of the store as one context sees it.
pub struct ContextRows<'s, C> {
    rows: &'s RowSnapshot,
    rules: Arc<dyn ContextRules>,
    context: PhantomData<fn() -> C>,
}

impl<C: BoundedContext> std::fmt::Debug for ContextRows<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextRows").field("context", &C::NAME).finish_non_exhaustive()
    }
}

impl RowSnapshot {
    /// The moment as the context sees it. It takes a value of the context's type, which only its own
    /// module has.
    ///
    /// # Errors
    /// `CONTEXT_ISOLATED` when the worker declares another type under the context's name, or none.
    pub fn enter<C: BoundedContext>(
        &self,
        context: &C,
    ) -> Result<ContextRows<'_, C>, ActivityError> {
        let rules = self.registry.owners.rules(context)?;
        Ok(ContextRows { rows: self, rules, context: PhantomData })
    }
}

impl<C: BoundedContext> ContextReads<C> for ContextRows<'_, C> {
    fn now(&self) -> Timestamp {
        self.rows.now()
    }

    fn get<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        key: &str,
    ) -> Result<Option<V>, ActivityError> {
        self.rules.check_table(table.name())?;
        self.rows.get(owned(table), key).map_err(unreadable)
    }

    fn range<V: DeserializeOwned>(
        &self,
        table: ContextTable<C, V>,
        keys: &Keys,
    ) -> Result<Vec<(String, V)>, ActivityError> {
        self.rules.check_table(table.name())?;
        self.rows.range(owned(table), keys).map_err(unreadable)
    }
}

fn unreadable(rejection: Rejection) -> ActivityError {
    ActivityError::new(rejection.code(), rejection)
}
