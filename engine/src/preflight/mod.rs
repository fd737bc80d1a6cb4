//! Whether a build would take the recorded way of every run, before it is deployed.
//!
//! Each run's history is replayed against the worker's code; nothing is run and nothing changes.
//! What breaks is grouped by where code and history part, so that one mistake is one entry however
//! many runs it would stop.

mod report;

use std::collections::BTreeMap;

use everstep_storage::Store;

use crate::Rejection;
use crate::Worker;
use crate::kernel::{HistoryEvent, TaskFailureKind};
use crate::runtime::{code_of, replay_with};
use crate::sdk::Foresight;
use crate::view::{ExportPage, ExportQuery, ExportedRun, export_page};

pub use report::{BrokenGroup, PatchUse, PreflightReport, RunSample, Tally};

/// A page of runs straight from a store that no engine has open, each with its whole history.
///
/// # Errors
/// When the store cannot be read, or the page token is not one of ours.
pub fn stored_runs(store: &dyn Store, query: &ExportQuery) -> Result<ExportPage, Rejection> {
    export_page(store, query, usize::MAX)
}

/// Run ids that are kept of each group.
const SAMPLES: usize = 5;

/// A preflight in progress. Several threads make one each and [`merge`](Self::merge) them.
#[derive(Debug, Default)]
pub struct Preflight {
    open: Tally,
    closed: Tally,
    groups: BTreeMap<Key, Found>,
    patches: BTreeMap<(String, String), PatchCount>,
    /// Open runs by type, to tell how many have not taken a patch.
    open_of_type: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Open runs first: they are what would break.
    closed: bool,
    workflow_type: String,
    version: String,
    kind: &'static str,
    event_id: Option<u64>,
    recorded: Option<String>,
    asked: Option<String>,
    location: Option<String>,
    /// Only where it says more than the rest.
    message: Option<String>,
}

#[derive(Debug, Default)]
struct Found {
    count: u64,
    redacted: bool,
    samples: Vec<RunSample>,
}

#[derive(Debug, Default)]
struct PatchCount {
    marked: u64,
    deprecated: u64,
}

impl Preflight {
    /// Nothing checked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many runs were checked.
    pub const fn checked(&self) -> u64 {
        self.open.total + self.closed.total
    }

    /// Replays one run against the worker's code.
    pub fn check(&mut self, worker: &Worker, run: &ExportedRun) {
        let foresight = Foresight::of(&run.events);
        let closed = run.status.is_closed();
        if !closed {
            *self.open_of_type.entry(run.workflow_type.clone()).or_default() += 1;
            for (patch_id, deprecated) in &foresight.patches {
                let key = (run.workflow_type.clone(), patch_id.to_string());
                let count = self.patches.entry(key).or_default();
                *(if *deprecated { &mut count.deprecated } else { &mut count.marked }) += 1;
            }
        }
        let stuck = foresight.stuck_from.is_some();
        let broken = judge(worker, run, foresight);
        let tally = if closed { &mut self.closed } else { &mut self.open };
        tally.total += 1;
        match broken {
            None => {
                tally.safe += 1;
                tally.mended += u64::from(stuck && !closed);
            }
            Some(key) => {
                tally.broken += 1;
                tally.stuck_before += u64::from(stuck && !closed);
                let found = self.groups.entry(key).or_default();
                found.count += 1;
                found.redacted |= run.redacted;
                if found.samples.len() < SAMPLES {
                    found.samples.push(RunSample::of(run));
                }
            }
        }
    }

    /// Takes in what another thread found.
    pub fn merge(&mut self, other: Self) {
        self.open.add(&other.open);
        self.closed.add(&other.closed);
        for (key, more) in other.groups {
            let found = self.groups.entry(key).or_default();
            found.count += more.count;
            found.redacted |= more.redacted;
            found.samples.extend(more.samples);
            found.samples.truncate(SAMPLES);
        }
        for (key, more) in other.patches {
            let count = self.patches.entry(key).or_default();
            count.marked += more.marked;
            count.deprecated += more.deprecated;
        }
        for (workflow_type, more) in other.open_of_type {
            *self.open_of_type.entry(workflow_type).or_default() += more;
        }
    }

    /// What was found, the largest groups first.
    pub fn report(self) -> PreflightReport {
        let mut broken: Vec<BrokenGroup> =
            self.groups.into_iter().map(|(key, found)| BrokenGroup::of(key, found)).collect();
        broken.sort_by_key(|group| (!group.open, std::cmp::Reverse(group.count)));
        let patches = self.patches.into_iter().map(|((workflow_type, patch_id), count)| {
            let open = self.open_of_type.get(&workflow_type).copied().unwrap_or(0);
            PatchUse {
                without: open - count.marked - count.deprecated,
                workflow_type,
                patch_id,
                marked: count.marked,
                deprecated: count.deprecated,
            }
        });
        let patches = patches.collect();
        PreflightReport { open: self.open, closed: self.closed, broken, patches }
    }
}

/// Where code and history part; none when they do not.
fn judge(worker: &Worker, run: &ExportedRun, foresight: Foresight) -> Option<Key> {
    let version = match run.events.first().map(|first| &first.event) {
        Some(HistoryEvent::WorkflowStarted(started)) => started.version.to_string(),
        _ => String::new(),
    };
    let mut key = Key {
        closed: run.status.is_closed(),
        workflow_type: run.workflow_type.clone(),
        version,
        kind: TaskFailureKind::Unregistered.name(),
        event_id: None,
        recorded: None,
        asked: None,
        location: None,
        message: None,
    };
    let entry = match code_of(worker, &run.events) {
        Some(Ok(entry)) => entry,
        Some(Err(unregistered)) => {
            key.message = Some(unregistered);
            return Some(key);
        }
        None => {
            key.kind = "unreadable";
            key.message = Some("the history does not begin with its start".to_owned());
            return Some(key);
        }
    };
    let failure = replay_with(entry, &run.events, foresight, true)?.failure?;
    let says_all = failure.recorded.is_some();
    Some(Key {
        kind: failure.kind.name(),
        event_id: failure.event_id,
        recorded: failure.recorded,
        asked: failure.asked,
        location: failure.location,
        message: (!says_all).then_some(failure.message),
        ..key
    })
}
