//! Ids of rows that mean something inside one context only.

use std::fmt;
use std::marker::PhantomData;

use super::{BoundedContext, ContextTx};

/// The id of a row of kind `K` in context `C`. Inside, ids of two kinds cannot be mixed up; outside, an
/// id is a text: this type has no JSON form, and nobody but the context makes one.
///
/// ```
/// # use everstep_engine::{ActivityError, BoundedContext, ContextTx, RowId};
/// # struct Inventory(());
/// # impl BoundedContext for Inventory { const NAME: &'static str = "inventory"; }
/// struct Product;
///
/// fn handler(tx: &ContextTx<'_, '_, Inventory>, product: String) -> String {
///     let id: RowId<Inventory, Product> = tx.id(product);
///     id.into_text()
/// }
/// ```
pub struct RowId<C, K> {
    text: String,
    of: PhantomData<fn() -> (C, K)>,
}

impl<C, K> RowId<C, K> {
    /// The id as the context's tables have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id as it goes outside.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl<C: BoundedContext> ContextTx<'_, '_, C> {
    /// The id that came in as a text.
    pub fn id<K>(&self, text: impl Into<String>) -> RowId<C, K> {
        RowId { text: text.into(), of: PhantomData }
    }
}

impl<C, K> Clone for RowId<C, K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl<C, K> PartialEq for RowId<C, K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<C, K> Eq for RowId<C, K> {}

impl<C, K> fmt::Debug for RowId<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowId({:?})", self.text)
    }
}
