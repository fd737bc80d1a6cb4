//! A history as it is stored: segments of consecutive events, each event length first. The
//! length's highest bit says that some of the event's payloads lie elsewhere.
//!
//! A segment is one row that is appended to until it is full, so a step costs one append to one
//! row and a short run is one row. Its key is the number of its first event, so any page of a long
//! history is found by one look at the keys.

use std::ops::Bound;

use everstep_storage::{Batch, Range, Snapshot};

use super::keys::{self, HISTORY, NAMESPACES, OPEN_RUNS, RUNS, WORKFLOWS};
use super::payload_rows::{references, resolve_event};
use super::{RunRecord, payload_rows};
use crate::kernel::Recorded;
use crate::{DEFAULT_NAMESPACE, Rejection, RunId, Selector};

/// Bytes after which the next segment begins.
pub(super) const SEGMENT_BYTES: usize = 16 << 10;

/// Segments that are read at once when a whole history is read, and when a page of it is.
const SEGMENTS_A_READ: usize = 64;
const SEGMENTS_A_PAGE: usize = 4;

/// The bit of a stored length that says that payloads of the event lie elsewhere.
const APART: u32 = 1 << 31;

/// The segment that a run's events are appended to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first event, which is its key; 0 before there is any.
    first: u64,
    bytes: usize,
}

impl Segment {
    /// Appends encoded events of which the first has the number `event_id`; begins new segments
    /// where one is full. `append` takes a segment's key and what is added to it.
    pub(super) fn append(
        &mut self,
        mut event_id: u64,
        mut events: &[u8],
        append: &mut dyn FnMut(u64, &[u8]),
    ) {
        while !events.is_empty() {
            if self.first == 0 || self.bytes >= SEGMENT_BYTES {
                *self = Self { first: event_id, bytes: 0 };
            }
            let room = SEGMENT_BYTES - self.bytes;
            let (mut end, mut count) = (events.len(), 0);
            if end > room {
                // A long turn: cut it between two events.
                end = 0;
                while end < room
                    && let Some(length) = events.get(end..).and_then(stored_length)
                {
                    end += length;
                    count += 1;
                }
            }
            let (now, later) = events.split_at(end);
            append(self.first, now);
            self.bytes += now.len();
            (events, event_id) = (later, event_id + count);
        }
    }
}

/// The length of the event that comes first, with its own length's four bytes.
fn stored_length(events: &[u8]) -> Option<usize> {
    let length = 4 + (u32::from_le_bytes(*events.first_chunk::<4>()?) & !APART) as usize;
    (events.len() >= length).then_some(length)
}

/// The rows that hold payloads of a segment's events, of which the first has the number `first`.
pub(super) fn payload_rows_of(
    mut segment: bytes::Bytes,
    first: u64,
) -> impl Iterator<Item = (u64, u16)> {
    let events = std::iter::from_fn(move || take_event(&mut segment));
    events.zip(first..).filter(|((apart, _), _)| *apart).flat_map(|((_, event), _)| {
        // What cannot be read refers to nothing that could be found.
        let decoded = postcard::from_bytes::<Recorded>(&event);
        let found = decoded.map(|mut recorded| references(&mut recorded.event));
        found.unwrap_or_default().into_iter().map(|found| (found.event_id, found.index))
    })
}

/// Appends one event in its stored form; returns its size.
pub(super) fn encode(event: &Recorded, into: &mut Vec<u8>) -> Result<usize, postcard::Error> {
    let start = into.len();
    // Four bytes for the length keep the encoder in one pass.
    into.extend_from_slice(&[0; 4]);
    *into = postcard::to_extend(event, std::mem::take(into))?;
    let length = u32::try_from(into.len() - start - 4).unwrap_or(u32::MAX);
    into[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(into.len() - start)
}

/// The run that an event is recorded of, and where large payloads go.
pub(super) struct Home<'a> {
    /// What the run's rows begin with.
    pub(super) run: &'a dyn Fn() -> Vec<u8>,
    pub(super) batch: &'a mut Batch,
    /// The largest payload that stands in its event.
    pub(super) limit: usize,
}

/// As [`encode`], with large payloads in rows of their own; returns how many bytes those have.
/// An event that is small as a whole is not looked through.
pub(super) fn encode_apart(
    mut recorded: Recorded,
    event_id: u64,
    into: &mut Vec<u8>,
    home: &mut Home<'_>,
) -> Result<u64, postcard::Error> {
    let start = into.len();
    if encode(&recorded, into)? <= home.limit {
        return Ok(0);
    }
    let event = &mut recorded.event;
    let apart = payload_rows::keep_apart(event, event_id, home.limit, &(home.run)(), home.batch);
    if apart > 0 {
        into.truncate(start);
        encode(&recorded, into)?;
        into[start + 3] |= (APART >> 24) as u8;
    }
    Ok(apart)
}

/// Reads a run's events in order.
pub(crate) struct HistoryReader<'a> {
    snapshot: &'a dyn Snapshot,
    prefix: Vec<u8>,
    last: Option<Vec<u8>>,
    segment: bytes::Bytes,
    queued: std::collections::VecDeque<bytes::Bytes>,
    /// The last segment, for whoever goes on writing.
    pub(super) tail: Segment,
    /// The number of the event that comes next.
    next_event_id: u64,
    rows_a_read: usize,
    /// Large payloads are left where they are.
    refers: bool,
    /// Bytes of all segments that were read, and of the payloads that their events refer to.
    bytes: u64,
    /// Stored size of the event that was read last.
    event_bytes: usize,
    done: bool,
}

impl<'a> HistoryReader<'a> {
    pub(crate) fn new(snapshot: &'a dyn Snapshot, namespace: &str, run_id: RunId) -> Self {
        Self {
            snapshot,
            prefix: keys::run(namespace, run_id),
            last: None,
            segment: bytes::Bytes::new(),
            queued: Default::default(),
            tail: Segment::default(),
            next_event_id: 1,
            rows_a_read: SEGMENTS_A_READ,
            refers: false,
            bytes: 0,
            event_bytes: 0,
            done: false,
        }
    }

    /// Reads from event `from` on; what comes before it is not even decoded.
    pub(crate) fn from_event(
        snapshot: &'a dyn Snapshot,
        namespace: &str,
        run_id: RunId,
        from: u64,
    ) -> Result<Self, Rejection> {
        let mut reader = Self::new(snapshot, namespace, run_id);
        reader.rows_a_read = SEGMENTS_A_PAGE;
        let (lowest, wanted) =
            (keys::history(namespace, run_id, 1), keys::history(namespace, run_id, from.max(1)));
        let range = Range::new(HISTORY, Bound::Included(&lowest), Bound::Included(&wanted));
        if let [(key, _)] = &*snapshot.range(range.reversed().limit(1))? {
            reader.next_event_id = keys::segment_of(key);
            // The row itself is still to be read: begin just below it.
            reader.last = Some(keys::history(namespace, run_id, reader.next_event_id - 1));
        }
        while reader.next_event_id < from && reader.skip()? {}
        Ok(reader)
    }

    /// Leaves large payloads where they are: events have references in their place.
    pub(crate) const fn referring(mut self, refers: bool) -> Self {
        self.refers = refers;
        self
    }

    /// The number of the event that comes next.
    pub(crate) const fn next_event_id(&self) -> u64 {
        self.next_event_id
    }

    /// Passes over an event; false at the end.
    fn skip(&mut self) -> Result<bool, Rejection> {
        Ok(self.take()?.is_some())
    }

    /// Stored size of what was read and decoded, in bytes, with the payloads that were left where
    /// they are.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Size of the event that was read last, in bytes.
    pub(crate) const fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Option<Recorded>, Rejection> {
        let Some((apart, event)) = self.take()? else { return Ok(None) };
        self.event_bytes = event.len();
        let mut recorded: Recorded = postcard::from_bytes(&event).map_err(|error| {
            self.corrupt(&format!("holds an event that cannot be read: {error}"))
        })?;
        if apart {
            let found = references(&mut recorded.event).into_iter();
            let bytes: u64 = found.map(|reference| reference.bytes).sum();
            self.bytes += bytes;
            if !self.refers {
                resolve_event(&mut recorded.event, self.snapshot, &self.prefix)?;
                self.event_bytes += usize::try_from(bytes).unwrap_or(usize::MAX);
            }
        }
        Ok(Some(recorded))
    }

    /// The next event's bytes, and whether payloads of it lie elsewhere.
    fn take(&mut self) -> Result<Option<(bool, bytes::Bytes)>, Rejection> {
        while self.segment.is_empty() {
            if !self.next_segment()? {
                return Ok(None);
            }
        }
        let event =
            take_event(&mut self.segment).ok_or_else(|| self.corrupt("ends within an event"))?;
        self.next_event_id += 1;
        Ok(Some(event))
    }

    fn next_segment(&mut self) -> Result<bool, Rejection> {
        if self.queued.is_empty() && !self.done {
            let mut range = Range::prefix(HISTORY, &self.prefix).limit(self.rows_a_read);
            if let Some(last) = &self.last {
                range = range.after(last);
            }
            let rows = self.snapshot.range(range)?;
            self.done = rows.len() < self.rows_a_read;
            for (key, value) in rows {
                self.tail = Segment { first: keys::segment_of(&key), bytes: value.len() };
                self.bytes += value.len() as u64;
                self.last = Some(key.to_vec());
                self.queued.push_back(value);
            }
        }
        match self.queued.pop_front() {
            Some(segment) => {
                self.segment = segment;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn corrupt(&self, what: &str) -> Rejection {
        Rejection::Corrupt(format!("a history {what} (segment {:?})", self.last))
    }
}

fn take_event(segment: &mut bytes::Bytes) -> Option<(bool, bytes::Bytes)> {
    let end = stored_length(segment)?;
    let apart = segment[3] & (APART >> 24) as u8 != 0;
    let event = segment.slice(4..end);
    *segment = segment.slice(end..);
    Some((apart, event))
}

/// The stored row of a run, open or closed.
pub(crate) fn stored_run(
    snapshot: &dyn Snapshot,
    namespace: &str,
    run_id: RunId,
) -> Result<Option<bytes::Bytes>, Rejection> {
    let key = keys::run(namespace, run_id);
    match snapshot.get(RUNS, &key)? {
        Some(closed) => Ok(Some(closed)),
        None => Ok(snapshot.get(OPEN_RUNS, &key)?),
    }
}

/// The row of the run that a selector names.
pub(crate) fn read_run(
    snapshot: &dyn Snapshot,
    selector: &Selector,
) -> Result<RunRecord, Rejection> {
    let missing = || match has_namespace(snapshot, &selector.namespace) {
        Ok(true) => Rejection::WorkflowNotFound(selector.workflow_id.clone()),
        Ok(false) => Rejection::NamespaceNotFound(selector.namespace.clone()),
        Err(rejection) => rejection,
    };
    let run_id = match selector.run_id {
        Some(run_id) => run_id,
        None => {
            newest_run(snapshot, &selector.namespace, &selector.workflow_id)?.ok_or_else(missing)?
        }
    };
    let stored = stored_run(snapshot, &selector.namespace, run_id)?;
    let record = RunRecord::read(&stored.ok_or_else(missing)?)?;
    // A run id of another workflow names nothing here.
    if record.workflow_id == selector.workflow_id { Ok(record) } else { Err(missing()) }
}

fn has_namespace(snapshot: &dyn Snapshot, name: &str) -> Result<bool, Rejection> {
    Ok(name == DEFAULT_NAMESPACE || snapshot.get(NAMESPACES, name.as_bytes())?.is_some())
}

/// The newest run of a workflow id.
pub(crate) fn newest_run(
    snapshot: &dyn Snapshot,
    namespace: &str,
    workflow_id: &str,
) -> Result<Option<RunId>, Rejection> {
    match snapshot.get(WORKFLOWS, &keys::workflow(namespace, workflow_id))? {
        None => only_run(snapshot, namespace, workflow_id),
        Some(stored) => <[u8; 16]>::try_from(&*stored)
            .map(|bytes| Some(RunId::from_bytes(bytes)))
            .map_err(|_| Rejection::Corrupt(format!("workflow `{workflow_id}` names no run"))),
    }
}

/// The run of a workflow that was given no id of its own: it has the run's.
fn only_run(
    snapshot: &dyn Snapshot,
    namespace: &str,
    workflow_id: &str,
) -> Result<Option<RunId>, Rejection> {
    let Ok(run_id) = workflow_id.parse::<RunId>() else { return Ok(None) };
    if !run_id.is_written(workflow_id) {
        return Ok(None);
    }
    let Some(stored) = stored_run(snapshot, namespace, run_id)? else { return Ok(None) };
    // Somebody may have named another workflow like a run.
    Ok((RunRecord::read(&stored)?.workflow_id == workflow_id).then_some(run_id))
}
