//! The application's own tables: names that say whose they are and what a row holds.
//!
//! Invariant: every row's key begins with namespace, bounded context and table, so no table can
//! reach into another one, and none of them into the engine's.

use std::marker::PhantomData;

/// Rows of one kind: text keys in order, JSON values of type `V`.
///
/// ```
/// # use everstep_engine::Table;
/// /// Cents by account.
/// const ACCOUNTS: Table<u64> = Table::new("bank", "accounts");
/// ```
pub struct Table<V> {
    context: &'static str,
    name: &'static str,
    kind: u8,
    values: PhantomData<fn() -> V>,
}

/// Whole numbers by text keys, each 0 until something is added.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    context: &'static str,
    name: &'static str,
}

impl<V> Clone for Table<V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V> Copy for Table<V> {}

impl<V> Table<V> {
    /// The table `name` of the bounded context `context`; each at most 255 bytes.
    pub const fn new(context: &'static str, name: &'static str) -> Self {
        Self { context, name, kind: ROWS, values: PhantomData }
    }

    /// A table that belongs to a declared context alone.
    pub(super) const fn owned(context: &'static str, name: &'static str) -> Self {
        Self { context, name, kind: OWNED, values: PhantomData }
    }

    pub(crate) fn prefix(&self, namespace: &str) -> Vec<u8> {
        prefix(namespace, self.context, self.name, self.kind)
    }

    /// The durable name, with its context.
    pub fn name(&self) -> String {
        format!("{}/{}", self.context, self.name)
    }
}

impl Counters {
    /// The counters `name` of the bounded context `context`; each at most 255 bytes.
    pub const fn new(context: &'static str, name: &'static str) -> Self {
        Self { context, name }
    }

    pub(crate) fn prefix(&self, namespace: &str) -> Vec<u8> {
        prefix(namespace, self.context, self.name, COUNTERS)
    }
}

/// Rows of an application.
const ROWS: u8 = 0;
/// Counters of an application.
const COUNTERS: u8 = 1;
/// Rows that only their own context reaches.
pub(super) const OWNED: u8 = 2;

/// Lengths first, so that no name is a prefix of another one's keys; the kind keeps rows, counters
/// and owned rows of one name apart.
pub(super) fn prefix(namespace: &str, context: &str, name: &str, kind: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    for part in [namespace, context, name] {
        let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
        key.push(length);
        key.extend_from_slice(&part.as_bytes()[..usize::from(length)]);
    }
    key.push(kind);
    key
}

/// Which rows of a table: all of them, or those whose key begins with a text; at most a thousand.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(crate) prefix: String,
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl Keys {
    /// The most rows that one read gives.
    pub const MOST: usize = 1_000;

    /// Every row.
    #[must_use]
    pub const fn all() -> Self {
        Self { prefix: String::new(), after: None, limit: Self::MOST }
    }

    /// Rows whose key begins with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::all() }
    }

    /// Only keys that come after this one: the next page begins after the last key of this one.
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows.min(Self::MOST);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_lies_within_another() {
        let keys = [
            Table::<()>::new("a", "bc").prefix("n"),
            Table::<()>::new("ab", "c").prefix("n"),
            Table::<()>::new("a", "b").prefix("n"),
            Counters::new("a", "b").prefix("n"),
            Table::<()>::new("a", "b").prefix("na"),
        ];
        for (at, key) in keys.iter().enumerate() {
            for (other_at, other) in keys.iter().enumerate() {
                assert!(at == other_at || !key.starts_with(other), "{key:?} {other:?}");
            }
        }
    }
}
