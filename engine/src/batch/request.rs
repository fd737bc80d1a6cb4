//! What a batch is to do, and to which runs.

use serde::{Deserialize, Serialize};

use crate::{ListFilter, Rejection, ResetRequest, SignalInput};

/// What is done to each run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BatchOperation {
    /// Sends a signal.
    Signal(SignalInput),
    /// Asks to end.
    Cancel,
    /// Ends at once.
    Terminate {
        /// For the history, and for whoever reads it.
        reason: String,
    },
    /// Begins a new run from an event of the history.
    Reset(Box<ResetRequest>),
}

impl BatchOperation {
    /// Its name in the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Signal(_) => "signal",
            Self::Cancel => "cancel",
            Self::Terminate { .. } => "terminate",
            Self::Reset(_) => "reset",
        }
    }

    /// Whether it is for open runs only; a reset is for the newest run of each id, open or closed.
    pub(crate) const fn is_for_open_runs(&self) -> bool {
        !matches!(self, Self::Reset(_))
    }

    /// How many runs it acts on between two commits.
    pub(crate) const fn page_size(&self) -> usize {
        match self {
            // Each reads and replays a whole history.
            Self::Reset(_) => 8,
            _ => 128,
        }
    }
}

/// A batch that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// Which runs; the batch belongs to the filter's namespace.
    pub filter: ListFilter,
    /// What is done to each of them.
    pub operation: BatchOperation,
    /// Makes a repeated request answer what the first one answered.
    pub idempotency_key: Option<String>,
}

impl BatchRequest {
    /// A batch over the runs that `filter` names.
    pub const fn new(filter: ListFilter, operation: BatchOperation) -> Self {
        Self { filter, operation, idempotency_key: None }
    }

    /// Refuses what can hit nothing, or says too little.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let refused = |what: String| Err(Rejection::Unprocessable(what));
        let name = self.operation.name();
        if let Some(status) = self.filter.status
            && status.is_closed()
            && self.operation.is_for_open_runs()
        {
            return refused(format!(
                "a batch {name} is for open runs, and the filter asks for runs that are {status}"
            ));
        }
        match &self.operation {
            BatchOperation::Signal(signal) if signal.name.is_empty() => {
                refused("a batch signal needs the signal's name".into())
            }
            BatchOperation::Reset(reset) if reset.to_event_id == 0 => {
                refused("a batch reset needs an event to go back to, from 1".into())
            }
            _ => Ok(()),
        }
    }
}
