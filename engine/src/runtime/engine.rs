//! The handle through which everyone else speaks to the engine.
//!
//! Requests that change something go to the loop and are answered when they are durable; reads go
//! to a snapshot of the store and never disturb the loop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use everstep_storage::{Store, StoreError};
use tokio::sync::{broadcast, oneshot};

use super::changes::Changes;
use super::inbox::Inbox;
use super::logs::Positions;
use super::message::{Message, OutsideReport};
use super::namespaces::Namespaces;
use super::queues::Queues;
use super::shard::Shard;
use super::stats::Counters;
use super::{Change, Clock, EngineStats};
use crate::batch::is_built_in;
use crate::sdk::Registry;
use crate::view::{HideValues, RunResult, UpdateState};
use crate::{
    ActivityError, Failure, Payload, PayloadLimits, QueueLimits, Rejection, Selector, SignalInput,
    SpanSink, StartRequest, Started, TaskToken, Timestamp, TransactionContext, UpdateInput, Worker,
};

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

/// Why a transaction had no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactError {
    /// The transaction's own code refused.
    #[error("{0}")]
    Failed(ActivityError),
    /// The engine refused: a start whose id is taken, a server that is shutting down.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// An open engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
    /// What is read through this handle shows no values.
    pub(super) hides_values: bool,
    /// What is read through this handle refers to large payloads.
    pub(super) refers: bool,
}

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Arc<Registry>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) changes: Arc<Changes>,
    pub(super) counters: Arc<Counters>,
    pub(super) queues: Queues,
    pub(super) namespaces: Namespaces,
    pub(super) positions: Positions,
    pub(super) config: EngineConfig,
}

/// Waits for the result of a run that was just started, without asking again.
#[derive(Debug)]
pub struct RunWatch {
    engine: Engine,
    namespace: String,
    started: Started,
    result: oneshot::Receiver<RunResult>,
}

impl RunWatch {
    /// What the start answered.
    pub const fn started(&self) -> &Started {
        &self.started
    }

    /// Waits at most `wait` for the run to close; `running` or `paused` after that.
    pub async fn result(&mut self, wait: Duration) -> RunResult {
        match tokio::time::timeout(wait, &mut self.result).await {
            Ok(Ok(result)) => self.engine.shown(result),
            // Not yet, or the engine is draining.
            _ => self.result_now(),
        }
    }

    fn result_now(&self) -> RunResult {
        let selector = Selector {
            namespace: self.namespace.clone(),
            workflow_id: self.started.workflow_id.clone(),
            run_id: Some(self.started.run_id),
        };
        let mut result = self.engine.result_now(&selector);
        if result.as_ref().is_ok_and(|result| result.new_run_id.is_some()) {
            result = self.engine.result_now(&Selector { run_id: None, ..selector });
        }
        result.unwrap_or_else(|_| RunResult::open(crate::RunStatus::Running))
    }
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

    /// Starts a workflow; durable when answered.
    ///
    /// # Errors
    /// A [`Rejection`] that says what was refused and why.
    pub async fn start(&self, request: StartRequest) -> Result<Started, Rejection> {
        self.check_start(&request)?;
        self.ask(|reply| Message::Start { request: Box::new(request), watch: None, reply }).await
    }

    /// Starts a workflow and watches the run that the answer names.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_watched(&self, request: StartRequest) -> Result<RunWatch, Rejection> {
        self.check_start(&request)?;
        let namespace = request.namespace.clone();
        let (watch, result) = oneshot::channel();
        let started = self
            .ask(|reply| Message::Start { request: Box::new(request), watch: Some(watch), reply })
            .await?;
        Ok(RunWatch { engine: self.clone(), namespace, started, result })
    }

    /// Sends a signal to the newest run (or to the one named); durable when answered.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`],
    /// [`Rejection::IdempotencyConflict`], or a payload that the workflow cannot take.
    pub async fn signal(
        &self,
        selector: &Selector,
        signal: SignalInput,
        idempotency_key: Option<String>,
    ) -> Result<(), Rejection> {
        self.limits().check("signal payload", &signal.payload)?;
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Signal { selector, signal, idempotency_key, reply }).await
    }

    /// Runs a transaction over the application's rows of a namespace: what `code` writes, starts
    /// and signals is durable together when this returns, or nothing of it has happened. `code`
    /// runs on the engine's thread, on the newest state, so it must be quick.
    ///
    /// # Errors
    /// [`TransactError::Failed`] with the error that `code` returned; [`TransactError::Rejected`]
    /// when the engine cannot do what it asked for.
    pub async fn transact<O: Send + 'static>(
        &self,
        namespace: &str,
        code: impl FnOnce(&mut TransactionContext<'_>) -> Result<O, ActivityError> + Send + 'static,
    ) -> Result<O, TransactError> {
        let (ended, outcome) = oneshot::channel();
        let namespace = namespace.to_owned();
        let code = Box::new(move |tx: &mut TransactionContext<'_>| {
            let result = code(tx);
            let done = result.as_ref().map(drop).map_err(|error| error.failure().clone());
            // The caller may have gone; the writes count all the same.
            let _ = ended.send(result);
            done
        });
        self.ask(|reply| Message::Transact { namespace, code, reply }).await?;
        match outcome.await {
            Ok(result) => result.map_err(TransactError::Failed),
            Err(_) => Err(TransactError::Failed(ActivityError::new(
                "panic",
                "the transaction panicked; its message is in the log",
            ))),
        }
    }

    /// Asks something of the newest run (or of the one named), and waits at most `wait` for the
    /// answer. What is answered is durable: an update that is still `admitted` or `accepted` then
    /// is not forgotten, and [`Engine::update_outcome`] goes on waiting.
    ///
    /// # Errors
    /// [`Rejection::UpdateRejected`] when the workflow's validator turned it down,
    /// [`Rejection::UpdateNotFound`], [`Rejection::WorkflowNotFound`],
    /// [`Rejection::WorkflowClosed`], [`Rejection::IdempotencyConflict`],
    /// [`Rejection::TooManyUpdates`], or an argument that the workflow cannot take.
    pub async fn update(
        &self,
        selector: &Selector,
        update: UpdateInput,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        self.limits().check("update argument", &update.payload)?;
        let (watch, ended) = oneshot::channel();
        let (wanted, update) = (Box::new(selector.clone()), Box::new(update));
        let state =
            self.ask(|reply| Message::Update { selector: wanted, update, watch, reply }).await?;
        self.update_ended(selector, state, ended, wait).await.map(|state| self.shown(state))
    }

    /// What became of an update, waiting for its answer at most `wait`.
    ///
    /// # Errors
    /// As [`Engine::update`]; [`Rejection::UpdateNotFound`] when nothing is known under the id.
    pub async fn update_outcome(
        &self,
        selector: &Selector,
        update_id: &str,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        let (watch, ended) = oneshot::channel();
        let (wanted, update_id) = (Box::new(selector.clone()), update_id.to_owned());
        let state = self
            .ask(|reply| Message::WatchUpdate { selector: wanted, update_id, watch, reply })
            .await?;
        self.update_ended(selector, state, ended, wait).await.map(|state| self.shown(state))
    }

    async fn update_ended(
        &self,
        selector: &Selector,
        state: UpdateState,
        ended: oneshot::Receiver<Result<UpdateState, Rejection>>,
        wait: Duration,
    ) -> Result<UpdateState, Rejection> {
        if state.status.is_final() || wait.is_zero() {
            return Ok(state);
        }
        match tokio::time::timeout(wait, ended).await {
            Ok(Ok(Err(Rejection::WorkflowClosed(_, status)))) => {
                Err(Rejection::WorkflowClosed(selector.workflow_id.clone(), status))
            }
            Ok(Ok(answer)) => answer,
            // Not yet, or the engine is draining: as far as it has come by now.
            _ => {
                let snapshot = self.inner.store.snapshot();
                let now = snapshot.map_err(Rejection::from).and_then(|snapshot| {
                    super::updates::read_update(&*snapshot, selector, &state.update_id)
                });
                Ok(now.ok().flatten().unwrap_or(state))
            }
        }
    }

    /// Asks a run to end in its own way.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn cancel(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Cancel { selector, reply }).await
    }

    /// Ends a run at once.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn terminate(&self, selector: &Selector, reason: String) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Terminate { selector, reason, reply }).await
    }

    /// Stops dispatching a run: attempts that run may finish, and what happens to the run is
    /// recorded and acted on when it is resumed. Pausing a paused run changes nothing.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn pause(&self, selector: &Selector, reason: String) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Pause { selector, reason, reply }).await
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`], [`Rejection::WorkflowClosed`].
    pub async fn resume(&self, selector: &Selector) -> Result<(), Rejection> {
        let selector = Box::new(selector.clone());
        self.ask(|reply| Message::Resume { selector, reply }).await
    }

    /// Completes from outside the attempt that the token names; durable when answered.
    ///
    /// # Errors
    /// [`Rejection::ActivityNotFound`], [`Rejection::ActivityNotPending`],
    /// [`Rejection::WorkflowClosed`], [`Rejection::PayloadTooLarge`].
    pub async fn complete_activity(
        &self,
        token: &TaskToken,
        result: Payload,
    ) -> Result<(), Rejection> {
        self.limits().check("activity result", &result)?;
        self.report(token, OutsideReport::Complete(result)).await.map(drop)
    }

    /// Fails from outside the attempt that the token names; it is tried again as its retry policy
    /// says. A failure of type `cancelled` says that the activity has ended as it was asked to.
    ///
    /// # Errors
    /// As [`Engine::complete_activity`].
    pub async fn fail_activity(
        &self,
        token: &TaskToken,
        failure: Failure,
    ) -> Result<(), Rejection> {
        self.limits().check_failure(&failure)?;
        self.report(token, OutsideReport::Fail(failure)).await.map(drop)
    }

    /// Says from outside that the attempt which the token names is alive. Answers whether its
    /// workflow has asked it to end.
    ///
    /// # Errors
    /// As [`Engine::complete_activity`].
    pub async fn heartbeat_activity(
        &self,
        token: &TaskToken,
        details: Payload,
    ) -> Result<bool, Rejection> {
        self.limits().check("heartbeat", &details)?;
        self.report(token, OutsideReport::Heartbeat(details)).await
    }

    async fn report(&self, token: &TaskToken, report: OutsideReport) -> Result<bool, Rejection> {
        let token = Box::new(token.clone());
        self.ask(|reply| Message::OutsideReport { token, report, reply }).await
    }

    /// The run's result, waiting for it at most `wait`.
    ///
    /// # Errors
    /// [`Rejection::WorkflowNotFound`].
    pub async fn result(
        &self,
        selector: &Selector,
        wait: Duration,
    ) -> Result<RunResult, Rejection> {
        if wait.is_zero() {
            return self.result_now(selector);
        }
        let (watch, result) = oneshot::channel();
        let wanted = Box::new(selector.clone());
        let now = self.ask(|reply| Message::Watch { selector: wanted, watch, reply }).await?;
        match now {
            Some(result) => Ok(self.shown(result)),
            None => match tokio::time::timeout(wait, result).await {
                Ok(Ok(result)) => Ok(self.shown(result)),
                _ => self.result_now(selector),
            },
        }
    }

    fn result_now(&self, selector: &Selector) -> Result<RunResult, Rejection> {
        let snapshot = self.inner.store.snapshot()?;
        let record = super::read_run(&*snapshot, selector)?;
        Ok(self.shown(record.result(&*snapshot)?))
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

    pub(super) async fn ask<T>(
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

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(super) fn check_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        self.inner.check_start(request)
    }

    pub(super) fn limits(&self) -> &PayloadLimits {
        &self.inner.config.limits
    }
}

impl Inner {
    /// Refuses a start that nobody could make.
    pub(super) fn check_start(&self, request: &StartRequest) -> Result<(), Rejection> {
        self.namespaces.check(&request.namespace)?;
        let entry = self.registry.workflows.get(request.workflow_type.as_str());
        let Some(entry) = entry.filter(|entry| !is_built_in(&entry.name)) else {
            let known = self.registry.workflow_types().collect::<Vec<_>>().join(", ");
            return Err(Rejection::UnknownWorkflowType(request.workflow_type.clone(), known));
        };
        self.config.limits.check_start(request)?;
        (entry.check_input)(&request.input).map_err(|error| {
            Rejection::Unprocessable(format!(
                "workflow type `{}` cannot take this input: {error}",
                request.workflow_type
            ))
        })?;
        if let Some(update) = &request.update {
            entry.check_update(&request.workflow_type, update, |check, payload| check(payload))?;
        }
        if let Some(signal) = &request.signal
            && let Some(check) = entry.check_signal.get(signal.name.as_str())
        {
            check(&signal.payload).map_err(|error| {
                Rejection::Unprocessable(format!(
                    "signal `{}` cannot carry this payload: {error}",
                    signal.name
                ))
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
