//! What one scenario has: an engine of its own, and what came of the last step.

use std::sync::Arc;

use everstep_activities::dead_letters::DeadLetter;
use everstep_engine::{
    ActivityError, Clock, DEFAULT_NAMESPACE, Engine, EngineConfig, OpenError, TransactError,
    TransactionContext, Worker,
};
use everstep_storage::MemoryStore;

use crate::integration::Payment;
use crate::migrations::Visits;

/// The state of one scenario.
#[derive(cucumber::World)]
#[world(init = Self::begin)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    /// What the last call was refused with.
    pub(crate) refused: Option<String>,
    pub(crate) found: bool,
    /// What came of calls that were made at once.
    pub(crate) outcomes: Vec<Result<(), TransactError>>,
    /// The field at which a translation failed.
    pub(crate) at: String,
    pub(crate) payment: Option<Payment>,
    pub(crate) samples: Vec<serde_json::Value>,
    /// Builds that keep visits, one after the other.
    pub(crate) visits: Option<Visits>,
    /// The last page of dead letters.
    pub(crate) letters: Vec<DeadLetter>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "last refusal {:?}", self.refused)
    }
}

/// An engine with a worker, on a store of its own.
pub(crate) fn open(worker: Worker) -> Result<Engine, OpenError> {
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    let runtime = tokio::runtime::Handle::current();
    Engine::open(Arc::new(MemoryStore::new()), worker, config, runtime)
}

impl World {
    fn begin() -> Self {
        let engine = open(super::dead_letters::register(super::shop::worker(None))).unwrap();
        Self {
            engine,
            refused: None,
            found: false,
            outcomes: Vec::new(),
            at: String::new(),
            payment: None,
            samples: Vec::new(),
            visits: None,
            letters: Vec::new(),
        }
    }

    /// Runs a transaction, and keeps what it was refused with.
    pub(crate) async fn transact<O: Send + 'static>(
        &mut self,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
    ) -> Option<O> {
        let done = self.engine.transact(DEFAULT_NAMESPACE, code).await;
        self.refused = match &done {
            Ok(_) => None,
            Err(TransactError::Failed(error)) => Some(error.kind().to_owned()),
            Err(TransactError::Rejected(rejection)) => Some(rejection.code().to_owned()),
            Err(other) => Some(other.to_string()),
        };
        done.ok()
    }
}
