//! The settings of an engine, and why it could not be opened.

use std::sync::Arc;

use everstep_storage::StoreError;

use crate::runtime::Clock;
use crate::{PayloadLimits, SpanSink};

/// Settings of an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where time comes from.
    pub clock: Clock,
    /// Estimated bytes of suspended runs that stay in memory; above it, runs that only wait are
    /// put out and replayed when something happens to them.
    pub memory_budget_bytes: u64,
    /// How large what goes in and out may be.
    pub limits: PayloadLimits,
    /// Who takes the spans of runs, turns and attempts; nothing is done for them where nobody does.
    pub spans: Option<Arc<dyn SpanSink>>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            memory_budget_bytes: 256 << 20,
            limits: PayloadLimits::DEFAULT,
            spans: None,
        }
    }
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store refused.
    #[error("failed to read the store: {0}")]
    Store(#[from] StoreError),
    /// What is stored cannot be read.
    #[error("stored data of {0}")]
    Corrupt(String),
    /// The program put its worker together wrongly.
    #[error("failed to use the worker: {0}")]
    Worker(String),
    /// The operating system gave no thread.
    #[error("failed to start the engine's thread: {0}")]
    Thread(#[from] std::io::Error),
}
