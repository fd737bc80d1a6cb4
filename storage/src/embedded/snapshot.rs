//! Reading at one sequence number: the overlay's versions over a view of the state file.
//!
//! Invariant: the view's checkpoint is not newer than the snapshot, and the overlay has every
//! version between the two as long as the snapshot is listed.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::core::Core;
use super::fold::Effect;
use super::overlay::Page;
use super::views::Reader;
use crate::error::StoreError;
use crate::range::Range;
use crate::store::Snapshot;
use crate::table::Table;

pub(super) struct EmbeddedSnapshot {
    core: Arc<Core>,
    reader: Reader,
}

impl EmbeddedSnapshot {
    pub(super) fn new(core: Arc<Core>) -> Result<Self, StoreError> {
        let reader = core.views.enter(|| core.published.sequence())?;
        Ok(Self { core, reader })
    }
}

impl Drop for EmbeddedSnapshot {
    fn drop(&mut self) {
        self.core.views.leave(self.reader.id);
    }
}

impl Snapshot for EmbeddedSnapshot {
    fn sequence(&self) -> u64 {
        self.reader.sequence
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let Reader { view, sequence, .. } = &self.reader;
        let effect = self.core.overlay.effect(table.id(), key, view.applied, *sequence);
        match effect.resolve(|| view.get(table.id(), key))? {
            Some(stored) => self.core.unseal((table.id(), key), stored).map(Some),
            None => Ok(None),
        }
    }

    fn get_all(&self, table: Table, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let Reader { view, sequence, .. } = &self.reader;
        let effects = self.core.overlay.effects(table.id(), keys, view.applied, *sequence);
        let below = effects.iter().zip(keys).filter(|(effect, _)| effect.needs_base());
        let below = below.map(|(_, key)| key.clone()).collect();
        let mut below = self.core.helpers.read(view, table.id(), below)?.into_iter();
        let mut values = Vec::with_capacity(keys.len());
        for (effect, key) in effects.into_iter().zip(keys) {
            let base = || Ok::<_, StoreError>(below.next().flatten());
            let unseal = |stored| self.core.unseal((table.id(), key), stored);
            values.push(effect.resolve(base)?.map(unseal).transpose()?);
        }
        Ok(values)
    }

    fn range(&self, range: Range<'_>) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let table = range.table().id();
        let mut rows = self.stored(&range)?;
        if self.core.config.codec.is_some() {
            for (key, value) in &mut rows {
                *value = self.core.unseal((table, key), std::mem::take(value))?;
            }
        }
        Ok(rows)
    }
}

impl EmbeddedSnapshot {
    /// The rows of a range as they are stored.
    fn stored(&self, range: &Range<'_>) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (Some(bounds), true) = (range.bounds(), range.max_rows() > 0) else {
            return Ok(Vec::new());
        };
        let reverse = range.is_reversed();
        let Reader { view, sequence, .. } = &self.reader;
        let table = range.table().id();
        let mut below = view.range(table, bounds, reverse)?;
        let mut base = below.next()?;
        let mut rows = Vec::new();
        let mut behind: Option<Bytes> = None;
        // Who wants one row pays for one: a hot one may have hundreds of versions. Who meets many
        // that are deleted takes larger and larger steps.
        let mut size = range.max_rows();
        loop {
            let bounds = match (&behind, reverse) {
                (None, _) => bounds,
                (Some(key), false) => (Bound::Excluded(&**key), bounds.1),
                (Some(key), true) => (bounds.0, Bound::Excluded(&**key)),
            };
            let at = (view.applied, *sequence);
            let Page { rows: page, resume } =
                self.core.overlay.page(table, bounds, (reverse, size), at);
            size = size.saturating_mul(4);
            for (key, effect) in page {
                let key = key.to_bytes();
                // What the state file has before this row comes first.
                let own = loop {
                    let Some((found, _)) = &base else { break None };
                    let order = found.cmp(&key);
                    match if reverse { order.reverse() } else { order } {
                        Ordering::Less => rows.extend(base.take()),
                        Ordering::Equal => break base.take().map(|(_, value)| value),
                        Ordering::Greater => break None,
                    }
                    if rows.len() >= range.max_rows() {
                        return Ok(rows);
                    }
                    base = below.next()?;
                };
                if own.is_some() {
                    base = below.next()?;
                }
                rows.extend(merged(key, effect, own));
                if rows.len() >= range.max_rows() {
                    return Ok(rows);
                }
            }
            // Rows of the state file up to the page's end may be given out before the next page.
            behind = resume.map(|key| key.to_bytes());
            if behind.is_none() {
                break;
            }
        }
        while let Some(row) = base {
            if rows.len() >= range.max_rows() {
                break;
            }
            rows.push(row);
            base = below.next()?;
        }
        Ok(rows)
    }
}

fn merged(key: Bytes, effect: Effect, own: Option<Bytes>) -> Option<(Bytes, Bytes)> {
    let value = effect.resolve(|| Ok::<_, std::convert::Infallible>(own));
    let Ok(value) = value;
    value.map(|value| (key, value))
}
