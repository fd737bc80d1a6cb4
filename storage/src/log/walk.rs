//! The positions of the events that match a query, found by leaping between lists of postings.
//!
//! What all of an item's lists have in common is found by asking each for its first posting from
//! the candidate on, and beginning again with any that lies further: the rarest name decides how
//! long it takes, not the log.

use super::cursor::Cursor;
use super::keys::Subject;
use super::query::{Query, QueryItem};
use super::reader::Direction;
use crate::error::StoreError;
use crate::store::Snapshot;

/// The matches of one alternative.
struct Item<'a> {
    tags: Vec<Cursor<'a>>,
    types: Vec<Cursor<'a>>,
    any_type: bool,
    last_position: u64,
}

/// The matches of a query.
pub(super) struct Walk<'a> {
    items: Vec<Item<'a>>,
    direction: Direction,
}

impl<'a> Item<'a> {
    fn open(
        snapshot: &'a dyn Snapshot,
        namespace: &[u8],
        item: &QueryItem,
        last_position: u64,
    ) -> Result<Self, StoreError> {
        let open = |subject: Subject| Cursor::open(snapshot, subject.rows(namespace));
        let tags = item.tags.iter().map(|tag| open(Subject::tag(tag)));
        let types = item.types.iter().map(|of| open(Subject::event_type(of)));
        let mut tags = tags.collect::<Result<Vec<_>, _>>()?;
        tags.sort_by_key(Cursor::events);
        let types = types.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { tags, types, any_type: item.types.is_empty(), last_position })
    }

    /// The first match from `candidate` on.
    fn seek(
        &mut self,
        mut candidate: u64,
        direction: Direction,
    ) -> Result<Option<u64>, StoreError> {
        'candidates: loop {
            if candidate == 0 || candidate > self.last_position {
                return Ok(None);
            }
            for tag in &mut self.tags {
                match direction.seek(tag, candidate)? {
                    None => return Ok(None),
                    Some(found) if found != candidate => {
                        candidate = found;
                        continue 'candidates;
                    }
                    Some(_) => {}
                }
            }
            if self.any_type {
                return Ok(Some(candidate));
            }
            let mut nearest = None;
            for of_type in &mut self.types {
                let found = direction.seek(of_type, candidate)?;
                nearest = direction.nearer(nearest, found);
                if nearest == Some(candidate) {
                    return Ok(nearest);
                }
            }
            match nearest {
                None => return Ok(None),
                Some(found) => candidate = found,
            }
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn open(
        snapshot: &'a dyn Snapshot,
        namespace: &[u8],
        query: &Query,
        last_position: u64,
        direction: Direction,
    ) -> Result<Self, StoreError> {
        let everything = [QueryItem::default()];
        let items = if query.items.is_empty() { &everything[..] } else { &query.items };
        let items = items.iter().map(|item| Item::open(snapshot, namespace, item, last_position));
        Ok(Self { items: items.collect::<Result<_, _>>()?, direction })
    }

    /// The first match from `position` on, in the walk's direction.
    pub(super) fn seek(&mut self, position: u64) -> Result<Option<u64>, StoreError> {
        let mut nearest = None;
        for item in &mut self.items {
            nearest = self.direction.nearer(nearest, item.seek(position, self.direction)?);
        }
        Ok(nearest)
    }
}
