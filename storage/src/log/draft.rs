//! Appends that nobody has seen yet: decided on the newest state, then written or dropped.
//!
//! Invariant: a refused append leaves nothing, and the draft can go on: everything is checked
//! before anything of it is drafted, and a store that cannot be read undoes what was.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::Entry;

use bytes::Bytes;

use super::append::{Append, Appended, Expected, NewEvent, StreamAppend, Written};
use super::chain::link;
use super::checked::Checked;
use super::coding::{Place, decode, encode};
use super::cursor::corrupt;
use super::event::{Hash, RecordedEvent, StreamId};
use super::fingerprint;
use super::head::Head;
use super::keys::{KeyMap, Subject, SubjectMap};
use super::query::{Condition, Query, QueryItem};
use super::reader::{Direction, LogReader};
use super::refusal::AppendRefusal;
use super::validate;
use super::writer::{KeyRow, Log};
use crate::error::StoreError;
use crate::store::Snapshot;

/// What a draft adds to a subject: what it was before, and the new positions with whether an
/// append begins there.
type Grown = (Head, Vec<(u64, bool)>);

/// What a draft has made, for [`Log::accept`].
#[derive(Default)]
pub struct Changes {
    pub(super) events: Vec<RecordedEvent>,
    pub(super) subjects: SubjectMap<Grown>,
    pub(super) keys: KeyMap<KeyRow>,
}

impl Changes {
    /// Nothing was appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Where a draft was, to go back to.
#[derive(Clone, Debug)]
pub struct Mark {
    events: usize,
    chain: Hash,
    last_position: u64,
}

/// Appends on the newest state. Dropping it undoes them.
pub struct Draft<'a> {
    log: &'a Log,
    reader: LogReader<'a>,
    now_ms: i64,
    /// Up to here the store shows everything; read when it is needed.
    shown: Cell<Option<u64>>,
    /// Heads that had to be read: what a condition asks for is written, as a rule.
    read: RefCell<SubjectMap<Head>>,
    changes: Changes,
    chain: Hash,
    last_position: u64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(log: &'a Log, snapshot: &'a dyn Snapshot, now_ms: i64) -> Self {
        let reader = LogReader::at(snapshot, log.namespace());
        Self {
            log,
            reader,
            now_ms,
            shown: Cell::new(None),
            read: RefCell::default(),
            changes: Changes::default(),
            chain: *log.chain(),
            last_position: log.last_position(),
        }
    }

    /// Where the draft is now.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        let events = self.changes.events.len();
        Mark { events, chain: self.chain, last_position: self.last_position }
    }

    /// Undoes what was appended since the mark was made.
    pub fn undo_to(&mut self, mark: &Mark) {
        let Changes { events, subjects, keys } = &mut self.changes;
        events.truncate(mark.events);
        subjects.retain(|_, (_, fresh)| {
            fresh.retain(|(position, _)| *position <= mark.last_position);
            !fresh.is_empty()
        });
        keys.retain(|_, row| row.first_position <= mark.last_position);
        (self.chain, self.last_position) = (mark.chain, mark.last_position);
    }

    /// What was made, to be accepted by the log that the draft was taken from.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// What this draft has appended so far.
    #[must_use]
    pub fn appended(&self) -> &[RecordedEvent] {
        &self.changes.events
    }

    /// The newest event's position, this draft's included.
    #[must_use]
    pub const fn last_position(&self) -> u64 {
        self.last_position
    }

    /// How many events a stream has.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stream_head(&self, stream: &StreamId) -> Result<Head, StoreError> {
        self.head(&Subject::stream(&stream.stream_type, &stream.id))
    }

    /// How often a scope was touched.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn scope_head(&self, scope: &str) -> Result<Head, StoreError> {
        self.head(&Subject::tag(scope))
    }

    fn head(&self, subject: &Subject) -> Result<Head, StoreError> {
        match self.changes.subjects.get(subject) {
            Some((before, fresh)) => Ok(Head {
                events: before.events + fresh.len() as u64,
                commits: before.commits + fresh.iter().filter(|(_, begins)| *begins).count() as u64,
                last_position: fresh.last().map_or(before.last_position, |(position, _)| *position),
            }),
            None => self.head_before(subject),
        }
    }

    fn head_before(&self, subject: &Subject) -> Result<Head, StoreError> {
        if let Some(head) = known_head(self.log, &self.read, subject) {
            return Ok(head);
        }
        let head = self.reader.head(subject)?;
        self.read.borrow_mut().insert(subject.clone(), head);
        Ok(head)
    }

    /// Takes over the heads that somebody has read, where they still hold: nothing has happened to
    /// a name that the writer has not met since.
    fn take_over(&self, checked: Checked) -> u64 {
        let Checked { to, heads } = checked;
        if to > self.log.last_position() {
            return 0;
        }
        if to >= self.log.forgotten_to() && !heads.is_empty() {
            self.read.borrow_mut().extend(heads);
        }
        to
    }

    fn key_row(&self, key: &str) -> Result<Option<KeyRow>, StoreError> {
        match self.changes.keys.get(key).copied().or_else(|| self.log.pending_key(key)) {
            Some(row) => Ok(Some(row)),
            None => self.reader.key_row(key),
        }
    }

    /// The newest position that the store shows.
    fn shown(&self) -> Result<u64, StoreError> {
        if let Some(shown) = self.shown.get() {
            return Ok(shown);
        }
        let shown = self.reader.last_position()?;
        self.shown.set(Some(shown));
        Ok(shown)
    }

    /// At most `limit` events that match, after a position, this draft's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn matching(
        &self,
        query: &Query,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = self.reader.matching(query, after + 1, Direction::Forwards, limit)?;
        let unseen = after.max(self.shown()?);
        let newer = self.newer(unseen).filter(|event| query.matches(event));
        found.extend(newer.take(limit - found.len()).cloned());
        Ok(found)
    }

    /// At most `limit` events of a stream, after a version, this draft's included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stream(
        &self,
        stream: &StreamId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = self.reader.stream(stream, after + 1, Direction::Forwards, limit)?;
        let unseen = self.shown()?;
        let newer = self.newer(unseen).filter(|event| {
            event.version() > after
                && event.stream_id() == &*stream.id
                && event.stream_type() == &*stream.stream_type
        });
        found.extend(newer.take(limit - found.len()).cloned());
        Ok(found)
    }

    fn newer(&self, after: u64) -> impl Iterator<Item = &RecordedEvent> {
        let own = self.changes.events.iter().filter(move |event| event.position() > after);
        self.log.pending(after).chain(own)
    }

    /// Appends events, or answers where they stand already, or refuses and leaves nothing.
    ///
    /// `checked` is what somebody else has looked up before.
    ///
    /// # Errors
    /// A conflict with what the log holds, a request that makes no sense, a store that cannot be
    /// read.
    pub fn append(&mut self, append: &Append, checked: Checked) -> Result<Appended, AppendRefusal> {
        validate::check(append)?;
        let checked_to = self.take_over(checked);
        if let Some(written) = self.repeated(append)? {
            return Ok(Appended::Duplicate(written));
        }
        for stream in &append.streams {
            self.check_version(stream)?;
        }
        for scope in &append.scopes {
            let current = self.scope_head(&scope.scope)?.commits;
            if current != scope.expected {
                let (scope, expected) = (scope.scope.clone(), scope.expected);
                return Err(AppendRefusal::ScopeConflict { scope, expected, current });
            }
        }
        if let Some(condition) = &append.condition
            && let Some(position) = self.violation(condition, checked_to)?
        {
            return Err(AppendRefusal::ConditionFailed { position });
        }
        self.write(append).map(Appended::New)
    }

    /// Where the events stand if they were appended before.
    fn repeated(&self, append: &Append) -> Result<Option<Written>, AppendRefusal> {
        if let Some(key) = &append.idempotency_key {
            let Some(row) = self.key_row(key)? else { return Ok(None) };
            if row.fingerprint != fingerprint::of_all(&append.streams) {
                return Err(AppendRefusal::IdempotencyConflict { key: key.clone() });
            }
            let KeyRow { first_position, events, .. } = row;
            return Ok(Some(Written { first_position, events }));
        }
        let (mut first, mut known, mut unknown) = (None, 0, None);
        for stream in &append.streams {
            for event in &stream.events {
                let Some(key) = &event.idempotency_key else {
                    unknown = unknown.or(Some(""));
                    continue;
                };
                match self.key_row(key)? {
                    None => unknown = Some(&**key),
                    Some(row) if row.fingerprint == fingerprint::of_event(stream, event) => {
                        first = first.or(Some(row.first_position));
                        known += 1;
                    }
                    Some(_) => {
                        return Err(AppendRefusal::IdempotencyConflict { key: key.clone() });
                    }
                }
            }
        }
        match (first, unknown) {
            (None, _) => Ok(None),
            // Some of it is there and some is not: it is not the same request.
            (Some(_), Some(key)) => Err(AppendRefusal::IdempotencyConflict { key: key.into() }),
            (Some(first_position), None) => Ok(Some(Written { first_position, events: known })),
        }
    }

    fn check_version(&self, append: &StreamAppend) -> Result<(), AppendRefusal> {
        let (Some(stream), Expected::Version(expected)) = (&append.stream, append.expected) else {
            return Ok(());
        };
        let current = self.stream_head(stream)?.events;
        match current == expected {
            true => Ok(()),
            false => {
                Err(AppendRefusal::VersionConflict { stream: stream.clone(), expected, current })
            }
        }
    }

    /// The first event that the condition forbids.
    fn violation(&self, condition: &Condition, checked_to: u64) -> Result<Option<u64>, StoreError> {
        let after = condition.after.unwrap_or_default().max(checked_to);
        let query = &condition.fail_if_events_match;
        if after >= self.last_position {
            return Ok(None);
        }
        if query.items.is_empty() {
            return Ok(Some(after + 1));
        }
        // As a rule the heads alone say that nothing can match.
        let mut open = Vec::new();
        for item in &query.items {
            if self.may_match(item, after)? {
                open.push(item.clone());
            }
        }
        if open.is_empty() {
            return Ok(None);
        }
        let query = Query { items: open };
        let shown = self.shown()?;
        if let Some(found) = self.reader.first_match(&query, after + 1, shown)? {
            return Ok(Some(found));
        }
        let unseen = after.max(shown);
        Ok(self.newer(unseen).find(|event| query.matches(event)).map(RecordedEvent::position))
    }

    /// Whether every name of the item has an event after the position.
    fn may_match(&self, item: &QueryItem, after: u64) -> Result<bool, StoreError> {
        for tag in &item.tags {
            if self.head(&Subject::tag(tag))?.last_position <= after {
                return Ok(false);
            }
        }
        for of_type in &item.types {
            if self.head(&Subject::event_type(of_type))?.last_position > after {
                return Ok(true);
            }
        }
        Ok(item.types.is_empty())
    }

    fn write(&mut self, append: &Append) -> Result<Written, AppendRefusal> {
        let (mark, first_position) = (self.mark(), self.last_position + 1);
        for stream in &append.streams {
            for event in &stream.events {
                if let Err(refusal) = self.push(stream, event, first_position) {
                    self.undo_to(&mark);
                    return Err(refusal);
                }
            }
        }
        let events = self.last_position + 1 - first_position;
        if let Some(key) = &append.idempotency_key {
            let fingerprint = fingerprint::of_all(&append.streams);
            self.changes.keys.insert(key.clone(), KeyRow { fingerprint, first_position, events });
        }
        Ok(Written { first_position, events })
    }

    fn push(
        &mut self,
        stream: &StreamAppend,
        event: &NewEvent,
        first_position: u64,
    ) -> Result<(), AppendRefusal> {
        let position = self.last_position + 1;
        let mut version = 0;
        for (at, subject) in subjects(stream, event).enumerate() {
            let (before, fresh) = match self.changes.subjects.entry(subject) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let before = match known_head(self.log, &self.read, entry.key()) {
                        Some(head) => head,
                        None => self.reader.head(entry.key())?,
                    };
                    entry.insert((before, Vec::new()))
                }
            };
            // The first posting of this append in the subject's list.
            let begins = fresh.last().is_none_or(|(last, _)| *last < first_position);
            fresh.push((position, begins));
            if at == 0 && stream.stream.is_some() {
                version = before.events + fresh.len() as u64;
            }
        }
        let place = Place { stream: stream.stream.as_ref(), version, recorded_at_ms: self.now_ms };
        let mut body = Vec::new();
        encode(event, &place, &mut body);
        let body = Bytes::from(body);
        let hash = link(&self.chain, position, &body);
        let recorded = decode(position, body, hash).map_err(corrupt("a new event"))?;
        if let Some(key) = &event.idempotency_key {
            let fingerprint = fingerprint::of_event(stream, event);
            let row = KeyRow { fingerprint, first_position: position, events: 1 };
            self.changes.keys.insert(key.clone(), row);
        }
        self.changes.events.push(recorded);
        (self.chain, self.last_position) = (hash, position);
        Ok(())
    }
}

/// What a name was before the draft, where that need not be read.
fn known_head(log: &Log, read: &RefCell<SubjectMap<Head>>, subject: &Subject) -> Option<Head> {
    log.known_head(subject).or_else(|| read.borrow().get(subject).copied())
}

/// Every name under which an event is found, its stream first.
fn subjects<'a>(
    stream: &'a StreamAppend,
    event: &'a NewEvent,
) -> impl Iterator<Item = Subject> + 'a {
    let own = stream.stream.iter().map(|stream| Subject::stream(&stream.stream_type, &stream.id));
    let tags = event.tags.iter().map(|tag| Subject::tag(tag));
    let correlation = event.correlation_id.iter().map(|id| Subject::correlation(id));
    own.chain(tags)
        .chain(std::iter::once(Subject::event_type(&event.event_type)))
        .chain(correlation)
}
