//! Reading the log at one moment.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use bytes::Bytes;

use super::coding::Block;
use super::cursor::{Cursor, corrupt, head};
use super::event::{RecordedEvent, StreamId};
use super::head::Head;
use super::keys::{self, APPEND_KEYS, BLOCK, EVENTS, POSTINGS, Subject};
use super::query::Query;
use super::walk::Walk;
use super::writer::KeyRow;
use crate::error::StoreError;
use crate::range::Range;
use crate::record::Malformed;
use crate::store::Snapshot;

/// Events that lie apart are asked for so many at a time.
const AT_ONCE: usize = 256;

/// The names of a subject: a stream's type and id, or one.
type Names = Vec<Box<str>>;

/// Which way events are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the oldest.
    #[default]
    Forwards,
    /// From the newest.
    Backwards,
}

impl Direction {
    pub(super) fn seek(
        self,
        cursor: &mut Cursor<'_>,
        position: u64,
    ) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Forwards => cursor.at_or_after(position),
            Self::Backwards => cursor.at_or_before(position),
        }
    }

    pub(super) fn nearer(self, one: Option<u64>, other: Option<u64>) -> Option<u64> {
        match (one, other) {
            (Some(one), Some(other)) => Some(match self {
                Self::Forwards => one.min(other),
                Self::Backwards => one.max(other),
            }),
            (one, other) => one.or(other),
        }
    }

    /// The position to go on with after `position`; 0 at the end.
    const fn step(self, position: u64) -> u64 {
        match self {
            Self::Forwards => position + 1,
            Self::Backwards => position.saturating_sub(1),
        }
    }
}

/// The log of one namespace, as a snapshot shows it. Read it in pages and let it go: a store keeps
/// what a snapshot sees.
pub struct LogReader<'a> {
    snapshot: &'a dyn Snapshot,
    namespace: Cow<'a, [u8]>,
    /// The block that was read last, and how far: events are asked for in order, as a rule.
    block: RefCell<Option<(u64, Bytes, Block)>>,
    last_position: OnceCell<u64>,
}

impl<'a> LogReader<'a> {
    /// The log of `namespace`.
    #[must_use]
    pub fn new(snapshot: &'a dyn Snapshot, namespace: &str) -> Self {
        let namespace = Cow::Owned(keys::namespace(namespace));
        Self { snapshot, namespace, block: RefCell::default(), last_position: OnceCell::new() }
    }

    pub(super) fn at(snapshot: &'a dyn Snapshot, namespace: &'a [u8]) -> Self {
        Self {
            snapshot,
            namespace: Cow::Borrowed(namespace),
            block: RefCell::default(),
            last_position: OnceCell::new(),
        }
    }

    /// The newest event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last(&self) -> Result<Option<RecordedEvent>, StoreError> {
        let Some(events) = self.last_block()? else { return Ok(None) };
        events.last().transpose().map_err(corrupt("a block"))
    }

    fn last_block(&self) -> Result<Option<Block>, StoreError> {
        let last = Range::prefix(EVENTS, &self.namespace).reversed().limit(1);
        let Some((key, bytes)) = self.snapshot.range(last)?.pop() else { return Ok(None) };
        let number = keys::block_number(&key).unwrap_or_default();
        Ok(Some(Block::new(bytes, number * BLOCK + 1)))
    }

    /// The newest event's position, 0 without one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_position(&self) -> Result<u64, StoreError> {
        if let Some(last) = self.last_position.get() {
            return Ok(*last);
        }
        let last = match self.last_block()? {
            Some(block) => block.last_position().map_err(corrupt("a block"))?,
            None => 0,
        };
        Ok(*self.last_position.get_or_init(|| last))
    }

    /// The event at a position.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn event(&self, position: u64) -> Result<Option<RecordedEvent>, StoreError> {
        if position == 0 {
            return Ok(None);
        }
        let number = keys::block_of(position);
        let mut known = self.block.borrow_mut();
        if known.as_ref().is_none_or(|(of, ..)| *of != number) {
            let bytes = self.snapshot.get(EVENTS, &keys::block(&self.namespace, number))?;
            let Some(bytes) = bytes else { return Ok(None) };
            *known = Some((number, bytes.clone(), Block::new(bytes, number * BLOCK + 1)));
        }
        let Some((_, bytes, events)) = known.as_mut() else { return Ok(None) };
        if events.next_position() > position {
            *events = Block::new(bytes.clone(), number * BLOCK + 1);
        }
        while events.next_position() < position {
            if events.is_empty() {
                return Ok(None);
            }
            events.pass().map_err(corrupt("a block"))?;
        }
        events.next().transpose().map_err(corrupt("a block"))
    }

    fn events_at(
        &self,
        mut positions: impl Iterator<Item = Result<u64, StoreError>>,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = Vec::new();
        loop {
            let page = positions.by_ref().take(AT_ONCE).collect::<Result<Vec<_>, _>>()?;
            let mut numbers: Vec<_> = page.iter().map(|at| keys::block_of(*at)).collect();
            numbers.dedup();
            let rows = keys::blocks(&self.namespace, &numbers);
            let blocks = self.snapshot.get_all(EVENTS, &rows)?;
            let mut blocks = numbers.into_iter().zip(blocks).peekable();
            let missing = || corrupt("a missing event")(Malformed);
            found.reserve(page.len());
            for position in &page {
                let number = keys::block_of(*position);
                while blocks.next_if(|(of, _)| *of != number).is_some() {}
                let (_, bytes) = blocks.peek().ok_or_else(missing)?;
                let bytes = bytes.clone().ok_or_else(missing)?;
                let mut block = Block::new(bytes, number * BLOCK + 1);
                while block.next_position() < *position && !block.is_empty() {
                    block.pass().map_err(corrupt("a block"))?;
                }
                let is_next = block.next_position() == *position;
                let event = block.next().filter(|_| is_next).ok_or_else(missing)?;
                found.push(event.map_err(corrupt("a block"))?);
            }
            if page.len() < AT_ONCE {
                return Ok(found);
            }
        }
    }

    /// At most `limit` events from position `from` on, that one included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn events(
        &self,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = Vec::with_capacity(limit.min(4_096));
        if direction == Direction::Backwards {
            let mut at = from.min(self.last_position()?);
            while at > 0 && found.len() < limit {
                let Some(event) = self.event(at)? else { break };
                found.push(event);
                at -= 1;
            }
            return Ok(found);
        }
        let from = from.max(1);
        let first = keys::block(&self.namespace, keys::block_of(from));
        // Blocks are asked for in pages, so that a small limit reads little.
        let blocks = limit / BLOCK as usize + 2;
        let end = keys::block(&self.namespace, u64::MAX);
        let rows =
            Range::new(EVENTS, std::ops::Bound::Included(&first), std::ops::Bound::Included(&end));
        for (key, bytes) in self.snapshot.range(rows.limit(blocks))? {
            let number = keys::block_number(&key).unwrap_or_default();
            for event in Block::new(bytes, number * BLOCK + 1) {
                let event = event.map_err(corrupt("a block"))?;
                if event.position() < from {
                    continue;
                }
                if found.len() == limit {
                    return Ok(found);
                }
                found.push(event);
            }
        }
        Ok(found)
    }

    /// At most `limit` events of a stream from version `from` on, that one included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let subject = Subject::stream(&stream.stream_type, &stream.id);
        self.numbered(&subject, from, direction, limit)
    }

    /// At most `limit` events that belong together, from the `from`th on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn correlated(
        &self,
        correlation_id: &str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.numbered(&Subject::correlation(correlation_id), from, Direction::Forwards, limit)
    }

    fn numbered(
        &self,
        subject: &Subject,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut cursor = Cursor::open(self.snapshot, subject.rows(&self.namespace))?;
        let mut number = match direction {
            Direction::Forwards => from.max(1),
            Direction::Backwards => from.min(cursor.events()),
        };
        let positions = std::iter::from_fn(|| {
            let found = number.checked_sub(1).map(|number| cursor.numbered(number));
            number = direction.step(number);
            found.and_then(Result::transpose)
        });
        self.events_at(positions.take(limit))
    }

    /// At most `limit` events that match, from position `from` on, that one included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn matching(
        &self,
        query: &Query,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        if query.items.is_empty() {
            return self.events(from, direction, limit);
        }
        let last = self.last_position()?;
        let mut walk = Walk::open(self.snapshot, &self.namespace, query, last, direction)?;
        let mut position = match direction {
            Direction::Forwards => from.max(1),
            Direction::Backwards => from.min(last),
        };
        let positions = std::iter::from_fn(|| {
            let found = walk.seek(position).transpose()?;
            if let Ok(found) = &found {
                position = direction.step(*found);
            }
            Some(found)
        });
        self.events_at(positions.take(limit))
    }

    /// The first match from a position up to another, by its position alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn first_match(
        &self,
        query: &Query,
        from: u64,
        last: u64,
    ) -> Result<Option<u64>, StoreError> {
        let forwards = Direction::Forwards;
        Walk::open(self.snapshot, &self.namespace, query, last, forwards)?.seek(from.max(1))
    }

    /// How many events a stream has, which is its version.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stream_head(&self, stream: &StreamId) -> Result<Head, StoreError> {
        self.head(&Subject::stream(&stream.stream_type, &stream.id))
    }

    /// How often a scope was touched, which is its version.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scope_head(&self, scope: &str) -> Result<Head, StoreError> {
        self.head(&Subject::tag(scope))
    }

    /// How many events have a type.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn type_head(&self, event_type: &str) -> Result<Head, StoreError> {
        self.head(&Subject::event_type(event_type))
    }

    pub(super) fn head(&self, subject: &Subject) -> Result<Head, StoreError> {
        head(self.snapshot, &subject.rows(&self.namespace))
    }

    /// Where the events stand that were appended under an idempotency key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn appended_under(&self, key: &str) -> Result<Option<(u64, u64)>, StoreError> {
        Ok(self.key_row(key)?.map(|row| (row.first_position, row.events)))
    }

    pub(super) fn key_row(&self, key: &str) -> Result<Option<KeyRow>, StoreError> {
        let row = self.snapshot.get(APPEND_KEYS, &keys::append_key(&self.namespace, key))?;
        row.map(|row| KeyRow::decode(&row)).transpose().map_err(corrupt("an idempotency key"))
    }

    /// At most `limit` streams whose type begins with `stream_type`, after `after`, with what
    /// there is of each.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn streams(
        &self,
        stream_type: &str,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<(StreamId, Head)>, StoreError> {
        let after = after.map(|after| Subject::stream(&after.stream_type, &after.id));
        let prefix = keys::streams(&self.namespace, stream_type);
        let found = self.subjects(&prefix, after, limit)?;
        Ok(found
            .into_iter()
            .filter_map(|(names, head)| match &names[..] {
                [kind, id] => Some((StreamId::new(kind.clone(), id.clone()), head)),
                _ => None,
            })
            .collect())
    }

    /// At most `limit` tags that begin with `prefix`, after `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tags(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Box<str>, Head)>, StoreError> {
        let found =
            self.subjects(&keys::tags(&self.namespace, prefix), after.map(Subject::tag), limit)?;
        Ok(found.into_iter().filter_map(first_name).collect())
    }

    /// At most `limit` event types, after `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn types(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Box<str>, Head)>, StoreError> {
        let after = after.map(Subject::event_type);
        let found = self.subjects(&keys::types(&self.namespace), after, limit)?;
        Ok(found.into_iter().filter_map(first_name).collect())
    }

    fn subjects(
        &self,
        prefix: &[u8],
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Names, Head)>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(|after| keys::row(&after.rows(&self.namespace), u32::MAX));
        while found.len() < limit {
            let mut range = Range::prefix(POSTINGS, prefix).limit(1);
            if let Some(after) = &after {
                range = range.after(after);
            }
            let Some((key, _)) = self.snapshot.range(range)?.pop() else { break };
            let subject = key.get(..key.len().saturating_sub(4)).unwrap_or_default();
            if let Some(names) = keys::names(&self.namespace, &key) {
                let names = names.into_iter().map(Into::into).collect();
                found.push((names, head(self.snapshot, subject)?));
            }
            after = Some(keys::row(subject, u32::MAX));
        }
        Ok(found)
    }
}

fn first_name((names, head): (Names, Head)) -> Option<(Box<str>, Head)> {
    names.into_iter().next().map(|name| (name, head))
}
