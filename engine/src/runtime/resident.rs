//! The runs that are in memory, and which of them may leave it.
//!
//! Invariant: memory is a cache of the store. A run whose last change is durable and whose every
//! wait is for something outside can be dropped at any time and comes back by replay; dropping it
//! cancels nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::history_log::Segment;
use super::index::{Found, shape_of};
use super::keys;
use super::task::Task;
use super::update_record::RunUpdates;
use crate::RunId;
use crate::kernel::{HistoryEvent, Run};
use crate::sdk::Heartbeat;

/// One run in memory.
pub(super) struct Resident {
    pub(super) run: Run,
    /// The suspended code; none while it cannot run.
    pub(super) task: Option<Task>,
    pub(super) namespace: Arc<str>,
    pub(super) workflow_id: Arc<str>,
    pub(super) run_id: RunId,
    pub(super) shard: u8,
    /// The number of its type, version and build.
    pub(super) shape: u64,
    /// What its row says that it is found by; most runs are found by nothing.
    pub(super) found: Option<Box<Found>>,
    /// The history segment that is being appended to.
    pub(super) segment: Segment,
    /// Stored size of the whole history.
    pub(super) history_bytes: u64,
    /// Whether the run has a row in `ACTIVE`, and in `AWAITING`.
    pub(super) active_row: bool,
    pub(super) awaiting_row: bool,
    /// The turn that changed it last.
    pub(super) changed_in: u64,
    /// Inline steps whose code is running here.
    pub(super) inline_running: u32,
    /// Updates that wait, and rows of others that may not be durable yet.
    pub(super) updates: Option<Box<RunUpdates>>,
    /// The last heartbeats of its pending activities, as they are stored.
    pub(super) heartbeats: BTreeMap<u32, Heartbeat>,
    /// Whether an activity may have a durable deadline.
    pub(super) has_deadlines: bool,
    /// Whether an activity of it was ever offered to a queue.
    pub(super) has_queued: bool,
    /// How often the code was tried again since it failed.
    pub(super) task_tries: u32,
    /// Recorded while the run is paused and not shown to its code yet.
    pub(super) held: Vec<HistoryEvent>,
    /// Set when a reset ends the run and its chain goes on: the children that go on with it.
    pub(super) superseded: Option<BTreeSet<u32>>,
    /// Used since the eviction hand last passed.
    used: bool,
    /// What it was counted with, and what of that is buffered signals.
    counted_bytes: u64,
    counted_buffered_bytes: u64,
}

impl Resident {
    pub(super) fn new(run: Run, task: Option<Task>) -> Self {
        let started = &run.started;
        Self {
            namespace: started.namespace.as_str().into(),
            workflow_id: started.workflow_id.as_str().into(),
            run_id: started.run_id,
            shard: keys::shard_of(&started.namespace, &started.workflow_id),
            shape: shape_of(started),
            found: None,
            segment: Segment::default(),
            history_bytes: 0,
            active_row: false,
            awaiting_row: false,
            changed_in: 0,
            inline_running: 0,
            updates: None,
            heartbeats: BTreeMap::new(),
            has_deadlines: false,
            has_queued: false,
            task_tries: 0,
            held: Vec::new(),
            superseded: None,
            used: true,
            counted_bytes: 0,
            counted_buffered_bytes: 0,
            run,
            task,
        }
    }

    fn buffered_bytes(&self) -> u64 {
        self.task.as_ref().map_or(0, Task::buffered_bytes)
    }

    /// By how much its buffered signals have grown, or shrunk, since it was counted.
    pub(super) fn take_growth(&mut self) -> i64 {
        let buffered = self.buffered_bytes();
        let before = std::mem::replace(&mut self.counted_buffered_bytes, buffered);
        let growth = buffered.cast_signed() - before.cast_signed();
        self.counted_bytes = self.counted_bytes.saturating_add_signed(growth);
        growth
    }

    /// What it holds in memory, roughly: the code's future, the fold, what is pending.
    fn estimated_bytes(&self) -> u64 {
        /// Maps, counters and allocator overhead of a run that waits for one thing, measured with
        /// a hundred thousand sleeping runs.
        const FIXED: u64 = 3_000;
        let pending: u64 = self
            .run
            .activities
            .values()
            .take(64)
            .map(|activity| 300 + activity.input.as_bytes().len() as u64)
            .sum();
        let code = self.task.as_ref().map_or(0, |task| task.size() as u64);
        FIXED + code + pending + self.run.started.input.as_bytes().len() as u64
    }
}

/// How far the eviction hand moves in one turn.
const STEPS_A_TURN: usize = 4_096;

/// A map by run. Run ids are ours and half random, so the fast hash cannot be attacked.
pub(super) type RunMap<T> = HashMap<RunId, T, foldhash::fast::RandomState>;

/// All runs in memory.
#[derive(Default)]
pub(super) struct Residents {
    runs: RunMap<Box<Resident>>,
    /// The open run of each workflow id in memory, and closed ones that are not durable yet.
    by_workflow: HashMap<Vec<u8>, RunId>,
    /// The eviction clock's hand moves along this line (second chance).
    line: VecDeque<RunId>,
    bytes: u64,
}

impl Residents {
    pub(super) fn insert(&mut self, mut resident: Resident) {
        let (run_id, key) =
            (resident.run_id, keys::workflow(&resident.namespace, &resident.workflow_id));
        resident.counted_buffered_bytes = resident.buffered_bytes();
        resident.counted_bytes = resident.estimated_bytes() + resident.counted_buffered_bytes;
        self.bytes += resident.counted_bytes;
        self.by_workflow.insert(key, run_id);
        self.line.push_back(run_id);
        self.runs.insert(run_id, Box::new(resident));
    }

    pub(super) fn get(&self, run_id: RunId) -> Option<&Resident> {
        self.runs.get(&run_id).map(|resident| &**resident)
    }

    pub(super) fn get_mut(&mut self, run_id: RunId) -> Option<&mut Resident> {
        let resident = self.runs.get_mut(&run_id)?;
        resident.used = true;
        Some(resident)
    }

    /// The newest run of a workflow id, if it is in memory.
    pub(super) fn of_workflow(&self, namespace: &str, workflow_id: &str) -> Option<RunId> {
        self.by_workflow.get(&keys::workflow(namespace, workflow_id)).copied()
    }

    /// The runs of a namespace that are in memory, closed ones that are not durable yet among them.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &Resident> {
        let runs = self.runs.values().map(|resident| &**resident);
        runs.filter(move |resident| &*resident.namespace == namespace)
    }

    pub(super) fn remove(&mut self, run_id: RunId) {
        let Some(resident) = self.runs.remove(&run_id) else { return };
        self.bytes -= resident.counted_bytes;
        let key = keys::workflow(&resident.namespace, &resident.workflow_id);
        if self.by_workflow.get(&key) == Some(&run_id) {
            self.by_workflow.remove(&key);
        }
    }

    /// A run that is counted holds more, or less, than it did.
    pub(super) const fn grow(&mut self, growth: i64) {
        self.bytes = self.bytes.saturating_add_signed(growth);
    }

    /// Forgets everything; the store knows it all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts out runs until `budget` bytes are kept or nothing more can go; `durable` is the newest
    /// turn that is on disk. Returns how many went.
    pub(super) fn evict(&mut self, budget: u64, durable: u64) -> u64 {
        let mut evicted = 0;
        // Twice around takes everyone's second chance away; a long line is walked over many turns.
        let mut steps = (self.line.len() * 2).min(STEPS_A_TURN);
        while self.bytes > budget && steps > 0 {
            steps -= 1;
            let Some(run_id) = self.line.pop_front() else { break };
            let Some(resident) = self.runs.get_mut(&run_id) else { continue };
            let idle = resident.changed_in <= durable
                && resident.inline_running == 0
                && !resident.run.is_active();
            if idle && !std::mem::take(&mut resident.used) {
                self.remove(run_id);
                evicted += 1;
            } else {
                self.line.push_back(run_id);
            }
        }
        evicted
    }

    /// The ids of at most `limit` runs, from a place in the eviction line.
    pub(super) fn some_from(&self, place: usize, limit: usize) -> Vec<RunId> {
        self.line.iter().skip(place).take(limit).copied().collect()
    }

    /// Drops ids of runs that are gone from the line, so that it does not outgrow the runs.
    pub(super) fn tidy(&mut self) {
        if self.line.len() > 1_024 && self.line.len() > self.runs.len() * 2 {
            let runs = &self.runs;
            self.line.retain(|run_id| runs.contains_key(run_id));
        }
    }
}
