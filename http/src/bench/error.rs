//! Why a measurement failed.

use crate::client::ClientError;
use crate::{OpenError, Rejection, RunStatus};

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    /// The engine refused what a workload asked.
    #[error("engine refused: {0}")]
    Rejected(#[from] Rejection),
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The engine does not open.
    #[error("failed to open the engine: {0}")]
    Open(#[from] OpenError),
    /// The store does not open.
    #[error("failed to open the store: {0}")]
    Store(#[from] everstep_storage::StoreError),
    /// The disk or the operating system.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A workflow of the benchmark did not end as it should.
    #[error("a workflow of the benchmark ended as {status}: {why}")]
    Ended {
        /// How it ended.
        status: RunStatus,
        /// Its failure, or what else is known.
        why: String,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}

impl BenchError {
    pub(super) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
