//! How far a batch has come.

use serde::{Deserialize, Serialize};

use crate::RunId;

/// Failures that are kept to be shown; all are counted.
const FAILURES_KEPT: usize = 10;

/// A run on which a batch could not act, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchFailure {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub run_id: RunId,
    /// The refusal's code.
    pub code: String,
    /// The refusal.
    pub message: String,
}

/// How many runs there are, and what has become of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchProgress {
    /// Runs that the filter named when the batch began; exact when it has ended.
    pub total: u64,
    /// Runs that it has acted on, or that needed nothing any more.
    pub done: u64,
    /// Runs that refused.
    pub failed: u64,
    /// The first of those that refused.
    pub failures: Vec<BatchFailure>,
}

impl BatchProgress {
    /// A page has been acted on.
    pub(crate) fn add(&mut self, done: u64, failed: u64, failures: Vec<BatchFailure>) {
        self.done += done;
        self.failed += failed;
        let room = FAILURES_KEPT.saturating_sub(self.failures.len());
        self.failures.extend(failures.into_iter().take(room));
        self.total = self.total.max(self.done + self.failed);
    }

    /// Nothing is left: runs that have left the filter meanwhile do not count.
    pub(crate) const fn end(&mut self) {
        self.total = self.done + self.failed;
    }
}
