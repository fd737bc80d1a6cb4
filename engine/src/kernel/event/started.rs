//! A run's first event: what it was started with, and where it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kernel::chain::Continuation;
use crate::kernel::relations::ParentLink;
use crate::{Payload, RunId, Timestamp, TraceContext};

/// How a run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowStarted {
    /// The namespace that holds the run.
    pub namespace: String,
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    pub run_id: RunId,
    /// The registered type.
    pub workflow_type: Arc<str>,
    /// The input.
    pub input: Payload,
    /// Milliseconds before the code runs first.
    pub start_delay_ms: Option<u64>,
    /// Milliseconds that the execution may take: this run and all that it continues as.
    pub execution_timeout_ms: Option<u64>,
    /// The starter's memo, a JSON object.
    pub memo: Option<Payload>,
    /// Attributes that the list can filter by.
    pub search_attributes: BTreeMap<String, Payload>,
    /// The build that accepted the start.
    pub build_id: Arc<str>,
    /// Whose child it is.
    pub parent: Option<Box<ParentLink>>,
    /// The version of the workflow's code that the run stays with; empty for code that was
    /// registered without one.
    pub version: Arc<str>,
    /// What it continues.
    pub continued: Option<Box<Continuation>>,
    /// Milliseconds that this run may take.
    pub run_timeout_ms: Option<u64>,
    /// When the execution timeout ends, once for the whole chain: what the run continues as takes
    /// it over as it is.
    pub execution_deadline: Option<Timestamp>,
    /// What it was reset from.
    pub reset: Option<Box<ResetOrigin>>,
    /// The trace that its starter belongs to; without one the chain is a trace of its own.
    pub trace: Option<Box<TraceContext>>,
}

impl WorkflowStarted {
    /// What the code's random numbers come from: a replay of a copied history needs the numbers
    /// that its original had.
    pub fn seed(&self) -> RunId {
        self.reset.as_ref().map_or(self.run_id, |reset| reset.seed)
    }
}

/// Where a run that was reset comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetOrigin {
    /// The run whose history it begins with.
    pub from_run_id: RunId,
    /// The first run of the chain.
    pub first_run_id: RunId,
    /// What the random numbers come from.
    pub seed: RunId,
    /// When it was reset: the run's own start. The copied events keep their times.
    pub at: Timestamp,
}
