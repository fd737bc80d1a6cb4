//! Which code runs which type.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everstep_storage::log::RecordedEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::schedule::DeclaredSchedule;
use super::transaction::ASSERTION_FAILED;
use super::{
    Activity, ActivityContext, ActivityError, Query, Signal, Transaction, TransactionContext,
    Update, Workflow, WorkflowContext, WorkflowError,
};
use crate::batch::{self, is_built_in};
use crate::{Failure, Payload, QueueLimits, Rejection, UpdateInput};

/// The workflows and activities of one program, and the name of its build.
///
/// ```
/// use everstep_engine::{Activity, ActivityContext, ActivityError, Worker, Workflow};
/// use everstep_engine::{WorkflowContext, WorkflowError};
///
/// const GREET: Workflow<String, String> = Workflow::new("greet");
/// const SPELL: Activity<String, String> = Activity::new("spell");
///
/// async fn greet(ctx: &WorkflowContext, name: String) -> Result<String, WorkflowError> {
///     Ok(ctx.activity(SPELL, name).await?)
/// }
///
/// async fn spell(_ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
///     Ok(format!("Hello, {name}"))
/// }
///
/// let worker = Worker::new().workflow(GREET, greet).activity(SPELL, spell);
/// assert_eq!(worker.workflow_types().collect::<Vec<_>>(), ["greet"]);
/// ```
pub struct Worker {
    registry: Registry,
}

impl Default for Worker {
    fn default() -> Self {
        super::ending::register(batch::register(Self { registry: Registry::default() }))
    }
}

/// What the engine looks up.
#[derive(Default)]
pub(crate) struct Registry {
    /// The code that new runs begin with.
    pub(crate) workflows: BTreeMap<&'static str, WorkflowEntry>,
    /// Other versions, in the order in which they were registered.
    pub(super) beside: BTreeMap<&'static str, Vec<WorkflowEntry>>,
    /// By type and version, the version that takes its runs over.
    pub(super) upgrades: BTreeMap<(&'static str, &'static str), &'static str>,
    pub(super) mistakes: Vec<String>,
    /// The built-in workflows that end with their namespace.
    pub(crate) timers: BTreeSet<&'static str>,
    pub(crate) schedules: Vec<DeclaredSchedule>,
    pub(crate) activities: HashMap<&'static str, ActivityEntry, foldhash::fast::RandomState>,
    /// By workflow type and query.
    pub(crate) queries: BTreeMap<&'static str, BTreeMap<&'static str, QueryEntry>>,
    pub(crate) transactions: HashMap<&'static str, TransactionEntry, foldhash::fast::RandomState>,
    /// What task queues allow, by name.
    pub(crate) queues: BTreeMap<Arc<str>, QueueLimits>,
    pub(crate) build_id: Option<Arc<str>>,
    /// The bounded contexts' names and rules.
    pub(crate) owners: super::Owners,
    /// What domain modules keep.
    pub(crate) extensions: super::Extensions,
    /// What is done with events in the transaction that appends them, in order.
    pub(crate) append_hooks: Vec<super::AppendHook>,
    /// What is done in the commit that ends a run.
    pub(crate) end_hooks: super::EndHooks,
    /// What is done in the commit that resets one.
    pub(crate) reset_hooks: super::ResetHooks,
    /// The search attributes that have a type.
    pub(crate) attributes: BTreeMap<&'static str, super::AttributeType>,
}

pub(crate) type WorkflowFuture = Pin<Box<dyn Future<Output = Result<Payload, WorkflowError>>>>;
pub(crate) type BoxedActivity =
    Pin<Box<dyn Future<Output = Result<Payload, Failure>> + Send + 'static>>;
pub(crate) type Check = fn(&Payload) -> Result<(), String>;
type Begin = dyn Fn(WorkflowContext, &Payload) -> WorkflowFuture + Send + Sync;
type Attempt = dyn Fn(ActivityContext, &Payload) -> BoxedActivity + Send + Sync;

pub(crate) struct WorkflowEntry {
    pub(crate) name: Arc<str>,
    /// Empty where the code was registered without one.
    pub(crate) version: Arc<str>,
    pub(crate) begin: Box<Begin>,
    pub(crate) check_input: Check,
    pub(crate) check_signal: HashMap<&'static str, Check>,
    pub(crate) updates: BTreeMap<&'static str, Check>,
}

impl WorkflowEntry {
    /// Refuses an update that is not declared, or whose argument has another shape.
    pub(crate) fn check_update(
        &self,
        workflow_type: &str,
        update: &UpdateInput,
        run: impl FnOnce(Check, &Payload) -> Result<(), String>,
    ) -> Result<(), Rejection> {
        let name = &update.name;
        let Some(check) = self.updates.get(name.as_str()) else {
            let known: Vec<&str> = self.updates.keys().copied().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Rejection::UpdateNotFound(format!(
                "workflow type `{workflow_type}` declares no update `{name}`; declared: {known}"
            )));
        };
        run(*check, &update.payload).map_err(|error| {
            Rejection::Unprocessable(format!(
                "update `{name}` of workflow type `{workflow_type}` cannot take this argument: \
                 {error}"
            ))
        })
    }
}

pub(crate) struct ActivityEntry {
    pub(crate) attempt: Box<Attempt>,
    pub(crate) blocking: bool,
}

type Transact =
    dyn Fn(&mut TransactionContext<'_>, &Payload) -> Result<Payload, Failure> + Send + Sync;

pub(crate) struct TransactionEntry {
    pub(crate) code: Box<Transact>,
    /// Errors that the code returns are tried again, too.
    retries_errors: bool,
}

impl TransactionEntry {
    /// Whether trying again may help: the state that an assertion refused may change.
    pub(crate) fn judge(&self, failure: Failure) -> Failure {
        match self.retries_errors || failure.kind == ASSERTION_FAILED {
            true => failure,
            false => failure.non_retryable(),
        }
    }
}

type Answer = dyn Fn(&Payload, &Payload) -> Result<Payload, String> + Send + Sync;

/// A query that is computed from published state.
pub(crate) struct QueryEntry {
    /// The query under which the state is published.
    pub(crate) state: &'static str,
    pub(crate) answer: Box<Answer>,
}

/// In a history, a step is known by its type alone.
fn two_of_a_name(name: &str) -> String {
    format!(
        "`{name}` is an activity and a transaction or command: give one of them another name, or \
         their steps look the same in a history"
    )
}

fn check<T: DeserializeOwned>(payload: &Payload) -> Result<(), String> {
    payload.to::<T>().map(drop).map_err(|error| error.to_string())
}

impl WorkflowEntry {
    pub(super) fn new<I, O, F>(workflow: Workflow<I, O>, version: &str, code: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(&WorkflowContext, I) -> Result<O, WorkflowError> + Send + Sync + 'static,
    {
        let code = Arc::new(code);
        let begin = Box::new(move |ctx: WorkflowContext, input: &Payload| -> WorkflowFuture {
            // Read inside the future, where a panic of the type's own code is caught.
            let (code, input) = (Arc::clone(&code), input.clone());
            Box::pin(async move {
                let input =
                    input.to::<I>().map_err(|error| WorkflowError::new("invalid_input", error))?;
                let output = code(&ctx, input).await?;
                Payload::from_value(&output)
                    .map_err(|error| WorkflowError::new("invalid_result", error))
            })
        });
        Self {
            name: workflow.name().into(),
            version: version.into(),
            begin,
            check_input: check::<I>,
            check_signal: HashMap::new(),
            updates: BTreeMap::new(),
        }
    }
}

impl Worker {
    /// A worker that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs workflows of the type by `code`.
    #[must_use]
    pub fn workflow<I, O, F>(mut self, workflow: Workflow<I, O>, code: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(&WorkflowContext, I) -> Result<O, WorkflowError> + Send + Sync + 'static,
    {
        self.registry.register(workflow.name(), WorkflowEntry::new(workflow, "", code));
        self
    }

    /// As [`Worker::workflow`] for a module that brings a workflow of its own: the type's name
    /// begins with `everstep.`, its runs are left out of lists, counts and exports unless the type
    /// is asked for, and only transactions start it. Registering it again changes nothing.
    #[must_use]
    pub fn built_in<I, O, F>(mut self, workflow: Workflow<I, O>, code: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(&WorkflowContext, I) -> Result<O, WorkflowError> + Send + Sync + 'static,
    {
        let name = workflow.name();
        if !is_built_in(name) {
            self.registry.mistakes.push(format!("built-in `{name}`: begin it with `everstep.`"));
        }
        self.registry.register_any(name, WorkflowEntry::new(workflow, "", code));
        self
    }

    /// As [`Worker::built_in`] for a workflow that only waits until the time of something is over
    /// that stands in its namespace's rows: it does not keep the namespace from being deleted, and
    /// ends with it.
    #[must_use]
    pub fn built_in_timer<I, O, F>(mut self, workflow: Workflow<I, O>, code: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(&WorkflowContext, I) -> Result<O, WorkflowError> + Send + Sync + 'static,
    {
        self.registry.timers.insert(workflow.name());
        self.built_in(workflow, code)
    }

    /// Declares that workflows of the type take the signal, so that one whose payload has another
    /// shape is refused at the door. Signals that are not declared are taken as they come.
    #[must_use]
    pub fn signal<I, O, T>(mut self, workflow: Workflow<I, O>, signal: Signal<T>) -> Self
    where
        T: DeserializeOwned + 'static,
    {
        for entry in self.registry.all_versions(workflow.name()) {
            entry.check_signal.insert(signal.name(), check::<T>);
        }
        self
    }

    /// Declares that workflows of the type take the update. Updates that are not declared are
    /// refused as unknown, and arguments of another shape before the code sees them.
    #[must_use]
    pub fn update<I, O, A, R>(mut self, workflow: Workflow<I, O>, update: Update<A, R>) -> Self
    where
        A: DeserializeOwned + 'static,
    {
        for entry in self.registry.all_versions(workflow.name()) {
            entry.updates.insert(update.name(), check::<A>);
        }
        self
    }

    /// Answers a query that takes an argument, from the state that the workflow publishes under
    /// `state`. It needs neither a replay nor the run in memory, and works on closed runs.
    ///
    /// ```
    /// # use everstep_engine::{Query, Worker, Workflow, WorkflowContext, WorkflowError};
    /// const COUNT: Workflow<Vec<u64>, ()> = Workflow::new("count");
    /// const SEEN: Query<(), Vec<u64>> = Query::new("seen");
    /// const ABOVE: Query<u64, usize> = Query::new("above");
    ///
    /// async fn count(ctx: &WorkflowContext, numbers: Vec<u64>) -> Result<(), WorkflowError> {
    ///     ctx.publish(SEEN, numbers);
    ///     Ok(())
    /// }
    ///
    /// # let _ =
    /// Worker::new().workflow(COUNT, count).query(COUNT, ABOVE, SEEN, |seen, limit| {
    ///     seen.iter().filter(|number| **number > limit).count()
    /// })
    /// # ;
    /// ```
    #[must_use]
    pub fn query<I, O, A, T, S>(
        mut self,
        workflow: Workflow<I, O>,
        query: Query<A, T>,
        state: Query<(), S>,
        answer: impl Fn(&S, A) -> T + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        T: Serialize,
        S: DeserializeOwned,
    {
        let answer = Box::new(move |state: &Payload, argument: &Payload| {
            let argument = argument
                .to::<A>()
                .map_err(|error| format!("the argument has another shape: {error}"))?;
            let state = state
                .to::<S>()
                .map_err(|error| format!("the published state has another shape: {error}"))?;
            Payload::from_value(&answer(&state, argument)).map_err(|error| error.to_string())
        });
        let queries = self.registry.queries.entry(workflow.name()).or_default();
        queries.insert(query.name(), QueryEntry { state: state.name(), answer });
        self
    }

    /// Runs activities of the type by `code`.
    #[must_use]
    pub fn activity<I, O, F, R>(mut self, activity: Activity<I, O>, code: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, ActivityError>> + Send + 'static,
    {
        let attempt = Box::new(move |ctx: ActivityContext, input: &Payload| -> BoxedActivity {
            match input.to::<I>() {
                Ok(input) => {
                    let running = code(ctx, input);
                    Box::pin(async move {
                        let output = running.await.map_err(ActivityError::into_failure)?;
                        Payload::from_value(&output).map_err(|error| {
                            Failure::new("invalid_result", error.to_string()).non_retryable()
                        })
                    })
                }
                Err(error) => {
                    let failure = Failure::new("invalid_input", error.to_string()).non_retryable();
                    Box::pin(std::future::ready(Err(failure)))
                }
            }
        });
        let (name, blocking) = (activity.name(), activity.is_blocking());
        if self.registry.transactions.contains_key(name) {
            self.registry.mistakes.push(two_of_a_name(name));
        }
        self.registry.activities.insert(name, ActivityEntry { attempt, blocking });
        self
    }

    /// Runs transactions of the type by `code`: a pure function over the application's rows, whose
    /// writes commit together with its result. It runs on the engine's own thread, so it must be
    /// quick and do nothing but read and write through its context.
    #[must_use]
    pub fn transaction<I, O, F>(mut self, transaction: Transaction<I, O>, code: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(&mut TransactionContext<'_>, I) -> Result<O, ActivityError> + Send + Sync + 'static,
    {
        let code = Box::new(move |tx: &mut TransactionContext<'_>, input: &Payload| {
            let input = input.to::<I>().map_err(|error| {
                Failure::new("invalid_input", error.to_string()).non_retryable()
            })?;
            let output = code(tx, input).map_err(ActivityError::into_failure)?;
            Payload::from_value(&output)
                .map_err(|error| Failure::new("invalid_result", error.to_string()).non_retryable())
        });
        let name = transaction.name();
        let entry = TransactionEntry { code, retries_errors: transaction.retries_errors() };
        if self.registry.activities.contains_key(name) {
            self.registry.mistakes.push(two_of_a_name(name));
        }
        if self.registry.transactions.insert(name, entry).is_some() {
            self.registry.mistakes.push(format!(
                "`{name}` is registered twice as a transaction or command: give one another name"
            ));
        }
        self
    }

    /// Declares a task queue and what it allows. A queue that is only named has no limits; what was
    /// set at run time stands above what is declared.
    #[must_use]
    pub fn queue(mut self, name: impl Into<Arc<str>>, limits: QueueLimits) -> Self {
        let name = name.into();
        if let Err(mistake) = limits.check() {
            self.registry.mistakes.push(format!("task queue `{name}`: {mistake}"));
        }
        self.registry.queues.insert(name, limits);
        self
    }

    /// Runs code in every transaction that appends events, with the events: for read models that
    /// are never behind. An error undoes the transaction. Code that was given first runs first.
    #[must_use]
    pub fn on_append(
        self,
        code: impl Fn(&mut TransactionContext<'_>, &[RecordedEvent]) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.on_append_where(|_| true, code)
    }

    /// As [`Worker::on_append`] for code that has nothing to do in most transactions: `applies`
    /// says so, and is asked in every one of them, so it must not do more than look at memory.
    #[must_use]
    pub fn on_append_where(
        mut self,
        applies: fn(&TransactionContext<'_>) -> bool,
        code: impl Fn(&mut TransactionContext<'_>, &[RecordedEvent]) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let hook = super::AppendHook { applies, code: Arc::new(code) };
        self.registry.append_hooks.push(hook);
        self
    }

    /// Names the build; by default the package's version is all that is known.
    #[must_use]
    pub fn build_id(mut self, build_id: impl Into<Arc<str>>) -> Self {
        self.registry.build_id = Some(build_id.into());
        self
    }

    /// The registered workflow types, in order; without the engine's own.
    pub fn workflow_types(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.registry.workflow_types()
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) const fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    pub(crate) fn into_registry(self) -> Registry {
        self.registry
    }
}

impl Registry {
    /// The registered workflow types, in order; without the engine's own.
    pub(crate) fn workflow_types(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.workflows.keys().copied().filter(|name| !is_built_in(name))
    }

    pub(crate) fn build_id(&self) -> Arc<str> {
        self.build_id.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").into())
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("workflows", &self.workflow_types().collect::<Vec<_>>())
            .field("activities", &self.registry.activities.len())
            .finish()
    }
}
