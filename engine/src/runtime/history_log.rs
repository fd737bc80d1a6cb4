//! A history as it is stored: segments of consecutive events, each event length first.
//!
//! A segment is one row that is appended to until it is full, so a step costs one append to one
//! row, a short run is one row, and a long one is read page by page.

use everstep_storage::{Range, Snapshot};

use super::RunRecord;
use super::keys::{self, HISTORY, RUNS, WORKFLOWS};
use crate::kernel::Recorded;
use crate::{Rejection, RunId, Selector};

/// Bytes after which the next segment begins.
pub(super) const SEGMENT_BYTES: usize = 16 << 10;

/// Segments that are read at once.
const SEGMENTS_A_READ: usize = 64;

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

/// Reads a run's events in order.
pub(crate) struct HistoryReader<'a> {
    snapshot: &'a dyn Snapshot,
    prefix: Vec<u8>,
    last: Option<Vec<u8>>,
    segment: bytes::Bytes,
    queued: std::collections::VecDeque<bytes::Bytes>,
    /// The last segment's number and size, for whoever goes on writing.
    pub(super) tail: (u32, usize),
    /// Bytes of all segments that were read.
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
            tail: (0, 0),
            bytes: 0,
            event_bytes: 0,
            done: false,
        }
    }

    /// Stored size of what was read, in bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Stored size of the event that was read last, in bytes.
    pub(crate) const fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Option<Recorded>, Rejection> {
        while self.segment.is_empty() {
            if !self.next_segment()? {
                return Ok(None);
            }
        }
        let event =
            take_event(&mut self.segment).ok_or_else(|| self.corrupt("ends within an event"))?;
        self.event_bytes = event.len();
        postcard::from_bytes(&event)
            .map(Some)
            .map_err(|error| self.corrupt(&format!("holds an event that cannot be read: {error}")))
    }

    fn next_segment(&mut self) -> Result<bool, Rejection> {
        if self.queued.is_empty() && !self.done {
            let mut range = Range::prefix(HISTORY, &self.prefix).limit(SEGMENTS_A_READ);
            if let Some(last) = &self.last {
                range = range.after(last);
            }
            let rows = self.snapshot.range(range)?;
            self.done = rows.len() < SEGMENTS_A_READ;
            for (key, value) in rows {
                let number = key.last_chunk::<4>().map_or(0, |number| u32::from_be_bytes(*number));
                self.tail = (number, value.len());
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

fn take_event(segment: &mut bytes::Bytes) -> Option<bytes::Bytes> {
    let length = u32::from_le_bytes(*segment.first_chunk::<4>()?) as usize;
    (segment.len() >= 4 + length).then(|| {
        let event = segment.slice(4..4 + length);
        *segment = segment.slice(4 + length..);
        event
    })
}

/// The row of the run that a selector names.
pub(crate) fn read_run(
    snapshot: &dyn Snapshot,
    selector: &Selector,
) -> Result<RunRecord, Rejection> {
    let missing = || Rejection::WorkflowNotFound(selector.workflow_id.clone());
    let run_id = match selector.run_id {
        Some(run_id) => run_id,
        None => {
            newest_run(snapshot, &selector.namespace, &selector.workflow_id)?.ok_or_else(missing)?
        }
    };
    let stored = snapshot.get(RUNS, &keys::run(&selector.namespace, run_id))?;
    let record = RunRecord::read(&stored.ok_or_else(missing)?)?;
    // A run id of another workflow names nothing here.
    if record.workflow_id == selector.workflow_id { Ok(record) } else { Err(missing()) }
}

/// The newest run of a workflow id.
pub(super) fn newest_run(
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
    let Some(stored) = snapshot.get(RUNS, &keys::run(namespace, run_id))? else { return Ok(None) };
    // Somebody may have named another workflow like a run.
    Ok((RunRecord::read(&stored)?.workflow_id == workflow_id).then_some(run_id))
}
