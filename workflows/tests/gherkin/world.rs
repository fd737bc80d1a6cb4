//! What one scenario has: an engine over a store on disk, and services that remember.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_engine::{Clock, DEFAULT_NAMESPACE, Engine, EngineConfig, OpenError, Worker};
use everstep_storage::{EmbeddedConfig, EmbeddedStore, MemoryStore, Store};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::sagas::Services;
use crate::{agent_books, agent_patterns, approvals, intents, sagas};

/// More than anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An engine on a store, with time that stands still.
pub(crate) fn open_on(store: Arc<dyn Store>, worker: Worker) -> Result<Engine, OpenError> {
    let config = EngineConfig { clock: Clock::manual(), ..EngineConfig::default() };
    Engine::open(store, worker, config, Handle::current())
}

/// The same in memory.
pub(crate) fn open(worker: Worker) -> Result<Engine, OpenError> {
    open_on(Arc::new(MemoryStore::new()), worker)
}

#[derive(cucumber::World)]
#[world(init = Self::begin)]
pub(crate) struct World {
    data: TempDir,
    engine: Option<Engine>,
    pub(crate) services: Arc<Mutex<Services>>,
    /// How many of those that started something at once were the first.
    pub(crate) firsts: usize,
    pub(crate) pure: agent_patterns::Pure,
    pub(crate) books: agent_books::Books,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("data", &self.data).finish_non_exhaustive()
    }
}

impl World {
    fn begin() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut world = Self {
            data,
            engine: None,
            services: Arc::default(),
            firsts: 0,
            pure: agent_patterns::Pure::default(),
            books: agent_books::Books::default(),
        };
        world.open();
        world
    }

    pub(crate) fn open(&mut self) {
        let store = EmbeddedStore::open(self.data.path(), EmbeddedConfig::default()).unwrap();
        let worker =
            sagas::register(intents::register(approvals::register(Worker::new())), &self.services);
        self.engine = Some(open_on(Arc::new(store), worker).unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        self.engine.take().unwrap().drain(Duration::ZERO).await;
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Looks after each commit until there is something to see.
    pub(crate) async fn until<T>(&self, look: impl Fn(&Engine) -> Option<T>) -> T {
        let engine = self.engine();
        let mut changes = engine.changes();
        let seen = async {
            loop {
                if let Some(seen) = look(engine) {
                    return seen;
                }
                // A commit that was missed is seen all the same: what counts is the store.
                let next = tokio::time::timeout(Duration::from_millis(50), changes.recv());
                let _ = next.await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap()
    }

    pub(crate) fn rows(&self) -> everstep_engine::RowSnapshot {
        self.engine().rows(DEFAULT_NAMESPACE).unwrap()
    }
}
