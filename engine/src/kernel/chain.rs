//! Chains: a run that continues as a new one, and what the new one is given along.
//!
//! Invariant: the successor's first event holds everything that was not dealt with, so nothing that
//! was accepted for the workflow is lost between two runs.

use serde::{Deserialize, Serialize};

use super::{PendingChild, WorkflowStarted};
use crate::{RunId, SignalInput, Timestamp};

/// Events from which on a history is called long. A suggestion and no limit; the code may decide by
/// it, so changing it changes what running workflows do.
pub const LONG_HISTORY_EVENTS: u64 = 10_000;
/// Bytes from which on a history is called long.
pub const LONG_HISTORY_BYTES: u64 = 8 << 20;

/// What a run that continues another one was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    /// The first run of the chain.
    pub first_run_id: RunId,
    /// When that one started; the execution timeout counts from here.
    pub chain_started_at: Timestamp,
    /// The run before this one.
    pub continued_from: RunId,
    /// Which run of its chain this is; the first is 1.
    pub run_number: u32,
    /// What the code of the run before had not taken.
    pub carried: Carried,
}

/// What was accepted for a workflow and is still to be dealt with when its run ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Signals that were not taken, those of one name in the order in which they came.
    pub signals: Vec<SignalInput>,
    /// Children that have not closed, by id.
    pub children: Vec<(u32, PendingChild)>,
    /// The first id that is free: answers to what the run before asked may still come.
    pub first_free_id: u32,
    /// Cancellation was asked for, and nothing has reacted yet.
    pub cancel_requested: bool,
}

impl WorkflowStarted {
    /// The first run of the chain that the run belongs to.
    pub fn first_run_id(&self) -> RunId {
        // A reset goes on with the chain of the run that it came from.
        let reset = self.reset.as_ref().map(|reset| reset.first_run_id);
        let continued = || self.continued.as_ref().map(|continued| continued.first_run_id);
        reset.or_else(continued).unwrap_or(self.run_id)
    }

    /// Which run of its chain it is, from 1.
    pub fn run_number(&self) -> u32 {
        self.continued.as_ref().map_or(1, |continued| continued.run_number)
    }
}
