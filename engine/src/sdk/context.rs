//! The workflow's only way to the world.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::future::{Due, NewActivity};
use super::{
    Activity, ActivityError, ActivityFuture, CancelScope, Cancelled, ChildFuture, ChildHandle,
    Core, ExternalWorkflow, Query, Saga, Signal, SignalFuture, StartFuture, TimerFuture,
    Transaction, Update, UpdateFuture, Workflow, WorkflowError, cancel, saga,
};
use crate::kernel::{ActivityOptions, LONG_HISTORY_BYTES, LONG_HISTORY_EVENTS};
use crate::{Payload, RunId, Timestamp, TraceContext};

/// Given to every workflow. All that a workflow learns and does goes through it, so that a replay
/// of the history leads to the same place.
#[derive(Clone)]
pub struct WorkflowContext {
    core: Rc<Core>,
}

impl WorkflowContext {
    pub(crate) const fn new(core: Rc<Core>) -> Self {
        Self { core }
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// The workflow's id, as its starter chose it.
    pub fn workflow_id(&self) -> &str {
        &self.core.started.workflow_id
    }

    /// The workflow's type.
    pub fn workflow_type(&self) -> &str {
        &self.core.started.workflow_type
    }

    /// The run's id.
    pub fn run_id(&self) -> RunId {
        self.core.started.run_id
    }

    /// The run's place in its trace: below the run's own span. What it calls and starts gets it
    /// without further ado.
    pub fn trace_context(&self) -> TraceContext {
        TraceContext::of_run(&self.core.started)
    }

    /// When the run started.
    pub fn started_at(&self) -> Timestamp {
        self.core.started_at
    }

    /// Runs an activity and waits for its outcome. It is scheduled at the first poll.
    #[track_caller]
    pub fn activity<I, O>(&self, activity: Activity<I, O>, input: I) -> ActivityFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        self.call(activity.name(), Payload::from_value(&input), activity.options())
    }

    /// Runs a transaction and waits for its outcome: what it writes and its result are in one
    /// commit, exactly once.
    ///
    /// ```
    /// # use everstep_engine::*;
    /// const ACCOUNTS: Table<i64> = Table::new("bank", "accounts");
    /// const WITHDRAW: Transaction<i64, i64> = Transaction::new("withdraw");
    ///
    /// fn withdraw(tx: &mut TransactionContext<'_>, cents: i64) -> Result<i64, ActivityError> {
    ///     let balance = tx.get(ACCOUNTS, "ada")?.unwrap_or(0) - cents;
    ///     if balance < 0 {
    ///         return Err(ActivityError::new("insufficient_funds", balance));
    ///     }
    ///     tx.put(ACCOUNTS, "ada", &balance)?;
    ///     Ok(balance)
    /// }
    ///
    /// async fn pay(ctx: &WorkflowContext, cents: i64) -> Result<i64, WorkflowError> {
    ///     Ok(ctx.transaction(WITHDRAW, cents).await?)
    /// }
    ///
    /// # let _ =
    /// Worker::new().workflow(Workflow::new("pay"), pay).transaction(WITHDRAW, withdraw)
    /// # ;
    /// ```
    #[track_caller]
    pub fn transaction<I, O>(&self, transaction: Transaction<I, O>, input: I) -> ActivityFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let options = Some(transaction.options());
        self.call(transaction.name(), Payload::from_value(&input), options)
    }

    #[track_caller]
    pub(super) fn call<O>(
        &self,
        name: &str,
        input: Result<Payload, serde_json::Error>,
        options: Option<Box<ActivityOptions>>,
    ) -> ActivityFuture<O> {
        let input =
            input.map_err(|error| ActivityError::new("invalid_input", error).non_retryable());
        let activity = NewActivity { activity_type: name.into(), input, options, inline: None };
        ActivityFuture::new(Rc::clone(&self.core), activity, Location::caller())
    }

    /// Runs an inline step: an activity whose code stands here. Its future runs off the
    /// workflow's own poll and may do I/O; its result is journaled, and a journaled step is never
    /// run again. `step` is called once for each attempt.
    #[track_caller]
    pub fn run<T, F>(&self, name: &str, step: F) -> ActivityFuture<T>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFn() -> Result<T, ActivityError> + 'static,
    {
        let step = Rc::new(step);
        let inline: super::InlineStep = Rc::new(move || {
            let step = Rc::clone(&step);
            Box::pin(async move {
                let output = step().await.map_err(ActivityError::into_failure)?;
                Payload::from_value(&output).map_err(|error| {
                    crate::Failure::new("invalid_result", error.to_string()).non_retryable()
                })
            })
        });
        let activity = NewActivity {
            activity_type: name.into(),
            input: Ok(Payload::null()),
            options: None,
            inline: Some(inline),
        };
        ActivityFuture::new(Rc::clone(&self.core), activity, Location::caller())
    }

    /// Waits durably: over crashes, deploys and months.
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> TimerFuture {
        TimerFuture::new(Rc::clone(&self.core), Due::After(duration), Location::caller())
    }

    /// Waits durably until an instant; one that has passed is due at once.
    #[track_caller]
    pub fn sleep_until(&self, at: Timestamp) -> TimerFuture {
        TimerFuture::new(Rc::clone(&self.core), Due::At(at), Location::caller())
    }

    /// Starts a child workflow and waits for its outcome. It is started at the first poll; dropped
    /// before its end, it is asked to cancel.
    #[track_caller]
    pub fn child<I, O>(&self, workflow: Workflow<I, O>, input: I) -> ChildFuture<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        ChildFuture::new(Rc::clone(&self.core), workflow.name(), &input, Location::caller())
    }

    /// Starts a workflow that goes on alone, and waits only until it is started.
    #[track_caller]
    pub fn start<I: Serialize, O>(&self, workflow: Workflow<I, O>, input: I) -> StartFuture {
        StartFuture::new(Rc::clone(&self.core), workflow.name(), &input, Location::caller())
    }

    /// Ends this run and goes on as a new one of the same workflow, with an empty history. Signals
    /// that were not taken and children that have not closed go along. Return what it gives:
    ///
    /// ```
    /// # use everstep_engine::{Signal, WorkflowContext, WorkflowError};
    /// # const TICK: Signal<()> = Signal::new("tick");
    /// async fn ticker(ctx: &WorkflowContext, mut seen: u64) -> Result<u64, WorkflowError> {
    ///     while seen < 1_000_000 {
    ///         ctx.signal(TICK).await;
    ///         seen += 1;
    ///         if ctx.should_continue_as_new() {
    ///             return ctx.continue_as_new(seen);
    ///         }
    ///     }
    ///     Ok(seen)
    /// }
    /// ```
    ///
    /// # Errors
    /// Always: the error is how a run's end is told from its result.
    pub fn continue_as_new<I: Serialize, T>(&self, input: I) -> Result<T, WorkflowError> {
        Err(match Payload::from_value(&input) {
            Ok(input) => WorkflowError::ContinueAsNew(input),
            Err(error) => WorkflowError::new("invalid_input", error),
        })
    }

    /// A child that a run before this one in its chain started and left open.
    pub fn carried_child<I, O: DeserializeOwned>(
        &self,
        _workflow: Workflow<I, O>,
        workflow_id: &str,
    ) -> Option<ChildHandle<O>> {
        let continued = self.core.started.continued.as_ref()?;
        let mut children = continued.carried.children.iter();
        let (child_id, _) = children.find(|(_, child)| child.workflow_id == workflow_id)?;
        Some(ChildHandle::new(Rc::clone(&self.core), *child_id, workflow_id.to_owned()))
    }

    /// Whether the history has grown so long that a fresh one is worth its while: from
    /// [`LONG_HISTORY_EVENTS`](crate::LONG_HISTORY_EVENTS) events or
    /// [`LONG_HISTORY_BYTES`](crate::LONG_HISTORY_BYTES) on. Nothing breaks beyond; a resume takes
    /// a little longer with every event.
    pub fn should_continue_as_new(&self) -> bool {
        let (events, bytes) = self.core.with(|state| (state.seen_events, state.seen_bytes));
        events >= LONG_HISTORY_EVENTS || bytes >= LONG_HISTORY_BYTES
    }

    /// Events in the history, as far as the code has caused or seen them: repeated attempts are
    /// not counted.
    pub fn history_length(&self) -> u64 {
        self.core.with(|state| state.seen_events)
    }

    /// Bytes of the payloads in the history, as far as the code has caused or seen them.
    pub fn history_bytes(&self) -> u64 {
        self.core.with(|state| state.seen_bytes)
    }

    /// Which run of its chain this is: 1, and one more each time it continues as new.
    pub fn run_number(&self) -> u32 {
        self.core.started.run_number()
    }

    /// As [`WorkflowContext::child`], for a type that is known only when the code runs.
    #[track_caller]
    pub fn child_of_type<I: Serialize, O: DeserializeOwned>(
        &self,
        workflow_type: &str,
        input: I,
    ) -> ChildFuture<O> {
        ChildFuture::new(Rc::clone(&self.core), workflow_type, &input, Location::caller())
    }

    /// As [`WorkflowContext::start`], for a type that is known only when the code runs.
    #[track_caller]
    pub fn start_of_type<I: Serialize>(&self, workflow_type: &str, input: I) -> StartFuture {
        StartFuture::new(Rc::clone(&self.core), workflow_type, &input, Location::caller())
    }

    /// Another workflow, to signal, cancel or terminate it.
    pub fn workflow(&self, workflow_id: impl Into<String>) -> ExternalWorkflow {
        ExternalWorkflow::new(Rc::clone(&self.core), workflow_id.into())
    }

    /// The next signal of that name, buffered ones first.
    pub fn signal<T: DeserializeOwned>(&self, signal: Signal<T>) -> SignalFuture<T> {
        SignalFuture::new(Rc::clone(&self.core), signal.name())
    }

    /// The next update of that name, earlier ones first: its argument, and the reply that answers
    /// its caller. The workflow's type must declare it with
    /// [`Worker::update`](crate::Worker::update).
    ///
    /// ```
    /// # use everstep_engine::{Update, WorkflowContext, WorkflowError};
    /// const SET: Update<i64, i64> = Update::new("set");
    ///
    /// async fn register(ctx: &WorkflowContext, mut value: i64) -> Result<(), WorkflowError> {
    ///     loop {
    ///         let set = ctx.update(SET).validate(|new| match *new >= value {
    ///             true => Ok(()),
    ///             false => Err(format!("must be at least {value}")),
    ///         });
    ///         let (new, reply) = set.await;
    ///         reply.answer(std::mem::replace(&mut value, new));
    ///     }
    /// }
    /// ```
    pub fn update<'a, A, R>(&self, update: Update<A, R>) -> UpdateFuture<'a, A, R> {
        UpdateFuture::new(Rc::clone(&self.core), update.name())
    }

    /// Sets what the query answers from this commit on, also after the run has closed.
    pub fn publish<A, T: Serialize>(&self, query: Query<A, T>, value: T) {
        match Payload::from_value(&value) {
            Ok(payload) => {
                self.core.with(|state| state.published.insert(query.name(), payload));
            }
            Err(error) => {
                tracing::error!(query = query.name(), %error, "state that has no JSON form");
            }
        }
    }

    /// The instant of the event that woke the workflow: the same in every replay.
    pub fn now(&self) -> Timestamp {
        self.core.with(|state| state.now)
    }

    /// A number in [0, 1), the same in every replay. Not for secrets.
    pub fn random(&self) -> f64 {
        // 53 bits, as many as an f64 holds exactly.
        (self.random_bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A version 4 UUID, the same in every replay.
    pub fn uuid(&self) -> Uuid {
        let bits = u128::from(self.random_bits()) << 64 | u128::from(self.random_bits());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    fn random_bits(&self) -> u64 {
        let seed = self.core.started.seed().as_u128();
        let calls = self.core.with(|state| {
            state.random_calls += 1;
            state.random_calls
        });
        use crate::kernel::mix;
        mix(mix(seed as u64 ^ mix(calls)) ^ (seed >> 64) as u64)
    }

    /// Whether cancellation was asked for.
    pub fn is_cancel_requested(&self) -> bool {
        self.core.with(|state| state.scopes.is_requested())
    }

    /// Runs `body` until it ends or cancellation is asked for; then drops it, waits until the
    /// activities that it waited for have ended, and returns [`Cancelled`]. What follows is
    /// clean-up and is not cancelled again.
    ///
    /// # Errors
    /// [`Cancelled`] when the body was dropped.
    pub async fn cancellable<F: Future>(&self, body: F) -> Result<F::Output, Cancelled> {
        cancel::cancellable(&self.core, body).await
    }

    /// A scope that the code itself can cancel: what runs in it, as well as what waits for it.
    pub fn scope(&self) -> CancelScope {
        CancelScope::new(&self.core)
    }

    /// Runs `body` to its end; a request to cancel takes effect afterwards.
    pub async fn shield<F: Future>(&self, body: F) -> F::Output {
        cancel::shield(&self.core, body).await
    }

    /// Runs `body` and, when it fails or is cancelled, the compensations that it registered, in
    /// reverse and shielded from cancellation.
    ///
    /// # Errors
    /// What the body returned, after its compensations; `compensation_failed` when one of them
    /// failed for good.
    pub async fn saga<T>(
        &self,
        body: impl AsyncFnOnce(&Saga) -> Result<T, WorkflowError>,
    ) -> Result<T, WorkflowError> {
        saga::saga(self, body).await
    }
}

impl fmt::Debug for WorkflowContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkflowContext")
            .field("workflow_id", &self.workflow_id())
            .field("run_id", &self.run_id())
            .finish_non_exhaustive()
    }
}
