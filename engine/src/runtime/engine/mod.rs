//! The handle through which everyone else speaks to the engine.
//!
//! Requests that change something go to the loop and are answered when they are durable; reads go
//! to a snapshot of the store and never disturb the loop.

mod config;
mod operate;
mod outside;
mod reads;
mod run_watch;
mod runs;
mod schedules;
mod starting;
mod transacting;
mod updating;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everstep_storage::Store;
use tokio::sync::{broadcast, oneshot};

pub use self::config::{EngineConfig, OpenError};
pub use self::run_watch::RunWatch;
pub use self::transacting::TransactError;
use super::changes::Changes;
use super::inbox::Inbox;
use super::logs::Positions;
use super::message::Message;
use super::namespaces::Namespaces;
use super::queues::Queues;
use super::shard::Shard;
use super::stats::Counters;
use super::{Change, EngineStats};
use crate::sdk::Registry;
use crate::view::HideValues;
use crate::{PayloadLimits, QueueLimits, Rejection, Timestamp, Worker};

/// An open engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(in crate::runtime) inner: Arc<Inner>,
    /// What is read through this handle shows no values.
    pub(in crate::runtime) hides_values: bool,
    /// What is read through this handle refers to large payloads.
    pub(in crate::runtime) refers: bool,
}

pub(super) struct Inner {
    pub(in crate::runtime) store: Arc<dyn Store>,
    pub(in crate::runtime) registry: Arc<Registry>,
    pub(in crate::runtime) inbox: Arc<Inbox>,
    pub(in crate::runtime) changes: Arc<Changes>,
    pub(in crate::runtime) counters: Arc<Counters>,
    pub(in crate::runtime) queues: Queues,
    pub(in crate::runtime) namespaces: Namespaces,
    pub(in crate::runtime) positions: Positions,
    pub(in crate::runtime) config: EngineConfig,
    /// Which owner of the store this is; 0 until it is.
    pub(in crate::runtime) epoch: AtomicU64,
}

impl Engine {
    /// Opens an engine over a store and starts its loop. Open runs go on by themselves; activities
    /// run on `runtime`.
    ///
    /// # Errors
    /// When the store cannot be read or holds another format.
    pub fn open(
        store: Arc<dyn Store>,
        worker: Worker,
        config: EngineConfig,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, OpenError> {
        Self::open_registry(store, Arc::new(worker.into_registry()), config, runtime)
    }

    /// The same, with a registry that other engines may share.
    pub(crate) fn open_registry(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        config: EngineConfig,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, OpenError> {
        registry.check().map_err(OpenError::Worker)?;
        let queues = Queues::new(registry.queues.clone());
        queues.load(&*store.snapshot()?).map_err(|error| OpenError::Corrupt(error.to_string()))?;
        let inner = Arc::new(Inner {
            store,
            registry,
            inbox: Arc::new(Inbox::new()),
            changes: Arc::new(Changes::new()),
            counters: Arc::new(Counters::default()),
            queues,
            namespaces: Namespaces::default(),
            positions: Positions::default(),
            config,
            epoch: AtomicU64::new(0),
        });
        Shard::spawn(Arc::clone(&inner), runtime)?;
        let engine = Self { inner, hides_values: false, refers: false };
        engine.declare_schedules()?;
        Ok(engine)
    }

    /// The same engine for those who must not read what runs carry: whatever is read through this
    /// handle shows of each value only what kind it is and how large. Names, ids, types of
    /// failures and times stay.
    #[must_use]
    pub fn hiding_values(&self) -> Self {
        Self { hides_values: true, ..self.clone() }
    }

    /// Whether this handle shows no values.
    pub const fn hides_values(&self) -> bool {
        self.hides_values
    }

    /// The same engine for those who look through much and read little of it: descriptions and
    /// histories that are read through this handle have a [`PayloadReference`](crate::PayloadReference) in the place of
    /// each payload above [`PayloadLimits::inline_payload_bytes`], which is not read.
    #[must_use]
    pub fn referring(&self) -> Self {
        Self { refers: true, ..self.clone() }
    }

    /// What the reader of this handle may see: for who reads otherwise than through its methods,
    /// the event log of [`Engine::log`] say.
    #[must_use]
    pub fn shown<T: HideValues>(&self, found: T) -> T {
        if self.hides_values { found.hidden() } else { found }
    }

    /// Sets what a task queue allows, above what the worker declares; none takes it back. Durable
    /// when answered.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] for limits that cannot be meant.
    pub async fn set_queue(
        &self,
        namespace: &str,
        name: &str,
        limits: Option<QueueLimits>,
    ) -> Result<(), Rejection> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.ask(|reply| Message::SetQueue { namespace, name, limits, reply }).await
    }

    /// News of every commit from now on. An empty list says that runs may have changed unsaid:
    /// read again.
    pub fn changes(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.inner.changes.watch()
    }

    /// Moves a manual clock by `ms`, from due instant to due instant, and lets the engine settle
    /// at each. Answers the new time.
    ///
    /// # Errors
    /// [`Rejection::InvalidRequest`] when the clock is the machine's.
    pub async fn advance_clock(&self, ms: u64) -> Result<Timestamp, Rejection> {
        if !self.inner.config.clock.is_manual() {
            return Err(Rejection::InvalidRequest("the clock is the machine's".into()));
        }
        self.ask(|reply| Message::AdvanceClock { ms, reply }).await
    }

    /// Waits until nothing runs but `hanging` attempts, and skips to the next due instant up to
    /// `until`, or to `until`. Whether there was a due instant; what was due is settled then.
    pub(crate) async fn skip(
        &self,
        until: Timestamp,
        hanging: Arc<std::sync::atomic::AtomicUsize>,
    ) -> Result<bool, Rejection> {
        self.ask(|reply| Message::Skip { until, hanging, reply }).await
    }

    /// The engine's time.
    pub fn now(&self) -> Timestamp {
        self.inner.config.clock.now()
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    /// The build that the worker names: see [`Worker::build_id`].
    pub fn build_id(&self) -> Arc<str> {
        self.inner.registry.build_id()
    }

    /// How many processes have owned the store, this one included. Whoever did so before is gone for
    /// good: the store takes nothing from it any more.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch.load(Ordering::Relaxed)
    }

    /// The registered workflow types, in order.
    pub fn workflow_types(&self) -> Vec<&'static str> {
        self.inner.registry.workflow_types().collect()
    }

    /// What a domain module keeps with the worker that this engine runs.
    pub fn extension<E: crate::Extension>(&self) -> Option<&E> {
        self.inner.registry.extensions.get()
    }

    /// Counters and gauges.
    pub fn stats(&self) -> EngineStats {
        let mut stats = self.inner.counters.read();
        stats.inbox = self.inner.inbox.len() as u64;
        stats
    }

    /// The store below, for its figures.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Whether it takes requests.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), String> {
        self.inner.inbox.state()
    }

    /// Waits until the loop has ended by itself: the store failed. Never returns otherwise but
    /// after [`Engine::drain`].
    pub async fn stopped(&self) -> String {
        self.inner.inbox.stopped().await
    }

    /// Takes no more requests, gives running attempts up to `grace` to end, commits, closes the
    /// store. Attempts that are still running are lost and tried again at the next start.
    pub async fn drain(&self, grace: Duration) {
        self.inner.inbox.refuse("the server is shutting down");
        let (reply, drained) = oneshot::channel();
        let sent = self.inner.inbox.push(Message::Drain { grace, reply });
        if sent {
            // The loop may have ended before; then there is nothing to drain.
            let _ = drained.await;
        }
        let store = Arc::clone(&self.inner.store);
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "failed to close the store");
        }
    }

    pub(in crate::runtime) async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, Rejection>>) -> Message,
    ) -> Result<T, Rejection> {
        let (reply, answer) = oneshot::channel();
        self.inner.inbox.request(message(reply))?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(Rejection::OutcomeUnknown("the engine stopped".into())),
        }
    }

    pub(in crate::runtime) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(in crate::runtime) fn limits(&self) -> &PayloadLimits {
        &self.inner.config.limits
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
