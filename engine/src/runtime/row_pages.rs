//! Pages of rows that a filter passes, read from one moment of the store.
//!
//! Invariant: one page looks at a bounded number of rows; where a filter leaves most of them out, the
//! page is short and says where to go on.

use serde::de::DeserializeOwned;

use super::row_snapshot::RowSnapshot;
use crate::{Keys, Rejection, Table};

/// Rows that one page looks at.
const MOST_EXAMINED: usize = 5_000;

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPage<T> {
    /// In the order of the keys.
    pub items: Vec<T>,
    /// Where the next page goes on; none at the end.
    pub next: Option<String>,
}

impl RowSnapshot {
    /// At most `size` of the rows whose key begins with `prefix`, from behind the key `after`, that
    /// `pick` makes an item of.
    ///
    /// # Errors
    /// As [`RowSnapshot::range`], [`Rejection::InvalidRequest`] when `after` does not begin with `prefix`,
    /// and what `pick` returned.
    pub fn page<V: DeserializeOwned, T>(
        &self,
        table: Table<V>,
        prefix: &str,
        after: Option<&str>,
        size: usize,
        mut pick: impl FnMut(V) -> Result<Option<T>, Rejection>,
    ) -> Result<RowPage<T>, Rejection> {
        if let Some(foreign) = after.filter(|after| !after.starts_with(prefix)) {
            let refusal = format!("page token `{foreign}` is not one of this list");
            return Err(Rejection::InvalidRequest(refusal));
        }
        let size = size.max(1);
        let (mut items, mut examined) = (Vec::new(), 0);
        let mut after = after.map(str::to_owned);
        loop {
            let keys = Keys::prefix(prefix).limit(size);
            let keys = match &after {
                Some(after) => keys.after(after.as_str()),
                None => keys,
            };
            let rows = self.range(table, &keys)?;
            // No more than a thousand rows are read at once, whatever was asked for.
            let is_last = rows.len() < size.min(Keys::MOST);
            for (key, row) in rows {
                examined += 1;
                items.extend(pick(row)?);
                after = Some(key);
                if items.len() == size {
                    return Ok(RowPage { items, next: after });
                }
            }
            let next = after.clone().filter(|_| !is_last);
            if next.is_none() || examined >= MOST_EXAMINED {
                return Ok(RowPage { items, next });
            }
        }
    }
}
