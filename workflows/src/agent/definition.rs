//! An agent as a program writes it down: what it listens to, what it looks for, what it may do.
//!
//! Invariant: a worker with an agent that is wrong does not open; the code says what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use everstep_activities::commands::WorkerCommands;
use everstep_activities::dead_letters::WorkerDeadLetters;
use everstep_activities::llm::Llm;
use everstep_engine::log::RecordedEvent;
use everstep_engine::{ActivityError, Engine, Extension, QueueLimits, TransactionContext, Worker};
use serde_json::Value;
use tokio::sync::watch;

use super::settings::{AgentLimits, AgentSettings};
use super::{
    AgentConfigError, AgentEvent, ApprovalRules, Completion, PatternDefinition, approvals,
    complete, context, dead_letters, flow, route, subscriber,
};

/// What history is loaded for.
#[derive(Debug)]
pub struct HistoryRequest<'a> {
    /// The engine, to read projections of the application.
    pub engine: &'a Engine,
    /// The namespace of the event.
    pub namespace: &'a str,
    /// Whom or what it is about.
    pub subject: &'a str,
    /// The event that came.
    pub event: &'a AgentEvent,
    /// No more than these are looked at.
    pub limit: usize,
}

type LoadHistory =
    dyn Fn(&HistoryRequest<'_>) -> Result<Vec<AgentEvent>, ActivityError> + Send + Sync;
type Subject = dyn Fn(&AgentEvent) -> String + Send + Sync;
type Only = dyn Fn(&RecordedEvent) -> bool + Send + Sync;
type Arguments = dyn Fn(&AgentEvent) -> Value + Send + Sync;
/// What is done when the handling of an event has ended, in the transaction that ends it.
pub type OnComplete =
    dyn Fn(&mut TransactionContext<'_>, &Completion) -> Result<(), ActivityError> + Send + Sync;

/// An agent.
///
/// ```
/// use everstep_engine::Worker;
/// use everstep_workflows::agent::{Agent, PatternDefinition, PatternWindow, Suggestion, WorkerAgents};
/// use serde_json::json;
///
/// let worker = Worker::new().agent(
///     Agent::new("churn-risk")
///         .listens_to(["OrderCancelled"])
///         .by_tag("customer")
///         .pattern(
///             PatternDefinition::new("churnRisk")
///                 .window(PatternWindow::of("30d"))
///                 .trigger(|events| events.len() >= 3)
///                 .suggests(|situation, analysis| {
///                     Some(Suggestion {
///                         command_type: "SuggestCustomerOutreach".to_owned(),
///                         payload: json!({
///                             "customerId": situation.subject,
///                             "reason": analysis.reasoning,
///                             "confidence": analysis.confidence,
///                         }),
///                     })
///                 }),
///         )
///         .fallback(),
/// );
/// # drop(worker);
/// ```
#[derive(Clone)]
pub struct Agent {
    pub(super) id: &'static str,
    pub(super) description: String,
    pub(super) event_types: Vec<String>,
    pub(super) lane_tag: Option<String>,
    pub(super) from_now: bool,
    pub(super) patterns: Vec<PatternDefinition>,
    pub(super) settings: AgentSettings,
    pub(super) asks_model: bool,
    pub(super) has_rules: bool,
    pub(super) only: Option<Arc<Only>>,
    subject: Option<Arc<Subject>>,
    arguments: Option<Arc<Arguments>>,
    load_history: Option<Arc<LoadHistory>>,
    pub(super) on_complete: Option<Arc<OnComplete>>,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Agent {
    /// The agent `id`, which listens to nothing yet.
    #[must_use]
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            description: String::new(),
            event_types: Vec::new(),
            lane_tag: None,
            from_now: false,
            patterns: Vec::new(),
            settings: AgentSettings::default(),
            asks_model: false,
            has_rules: false,
            only: None,
            subject: None,
            arguments: None,
            load_history: None,
            on_complete: None,
        }
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// The types of events that it listens to.
    #[must_use]
    pub fn listens_to<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.event_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Events with the same first tag `PREFIX:…` are taken one after the other; those of one stream
    /// where nothing is said.
    #[must_use]
    pub fn by_tag(mut self, prefix: impl Into<String>) -> Self {
        self.lane_tag = Some(prefix.into());
        self
    }

    /// Only events that pass; others are done at once.
    #[must_use]
    pub fn only(mut self, filter: impl Fn(&RecordedEvent) -> bool + Send + Sync + 'static) -> Self {
        self.only = Some(Arc::new(filter));
        self
    }

    /// Begins behind the newest event instead of with the first.
    #[must_use]
    pub const fn from_now(mut self) -> Self {
        self.from_now = true;
        self
    }

    /// A pattern to look for; the first one that is triggered counts.
    #[must_use]
    pub fn pattern(mut self, pattern: PatternDefinition) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// Asks the worker's model; give the worker its provider first.
    #[must_use]
    pub const fn llm(mut self) -> Self {
        self.asks_model = true;
        self
    }

    /// Another model than the provider's own.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.settings.model = Some(model.into());
        self
    }

    /// Rules conclude where no model is asked, or none answers.
    #[must_use]
    pub const fn fallback(mut self) -> Self {
        self.has_rules = true;
        self
    }

    /// When a person decides.
    #[must_use]
    pub fn approval(mut self, rules: ApprovalRules) -> Self {
        self.settings.approval = rules;
        self
    }

    /// What it may use.
    #[must_use]
    pub fn limits(mut self, limits: AgentLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Whom or what an event is about; the field `customerId` where nothing is said, or its stream.
    #[must_use]
    pub fn subject(
        mut self,
        subject: impl Fn(&AgentEvent) -> String + Send + Sync + 'static,
    ) -> Self {
        self.subject = Some(Arc::new(subject));
        self
    }

    /// What else its workflow is handed with an event.
    #[must_use]
    pub fn arguments(
        mut self,
        arguments: impl Fn(&AgentEvent) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.arguments = Some(Arc::new(arguments));
        self
    }

    /// Loads what happened before, from the application's own projections. It may block.
    #[must_use]
    pub fn load_history(
        mut self,
        load: impl Fn(&HistoryRequest<'_>) -> Result<Vec<AgentEvent>, ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.load_history = Some(Arc::new(load));
        self
    }

    /// Code in the transaction that ends the handling of an event, in the place of what the worker
    /// does by default; [`Completion::apply`] is the latter.
    #[must_use]
    pub fn on_complete(
        mut self,
        handler: impl Fn(&mut TransactionContext<'_>, &Completion) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.on_complete = Some(Arc::new(handler));
        self
    }

    /// Its id.
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// A pattern by its name.
    ///
    /// # Errors
    /// [`AgentConfigError::PatternNotFound`].
    pub fn find_pattern(&self, name: &str) -> Result<&PatternDefinition, AgentConfigError> {
        self.patterns.iter().find(|pattern| pattern.name() == name).ok_or_else(|| {
            let (agent, pattern) = (self.id.to_owned(), name.to_owned());
            AgentConfigError::PatternNotFound { agent, pattern }
        })
    }

    /// Refuses an agent that cannot work. `has_model` says whether the worker has a provider.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, has_model: bool) -> Result<(), AgentConfigError> {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let reserved = ["approvals", "audit", "commands", "dead-letters", "decisions"];
        if self.id.is_empty()
            || self.id.len() > 100
            || !self.id.chars().all(named)
            || reserved.contains(&self.id)
        {
            return Err(AgentConfigError::AgentIdRequired(self.id.to_owned()));
        }
        if self.event_types.is_empty() || self.event_types.iter().any(String::is_empty) {
            return Err(AgentConfigError::NoSubscriptions(self.id.to_owned()));
        }
        if self.patterns.is_empty() {
            return Err(AgentConfigError::NoPatterns(self.id.to_owned()));
        }
        self.patterns.iter().try_for_each(|pattern| pattern.check(self.id))?;
        self.settings.check(self.id)?;
        match self.has_rules || (self.asks_model && has_model) {
            true => Ok(()),
            false => Err(AgentConfigError::RuntimeRequired(self.id.to_owned())),
        }
    }

    pub(super) fn subject_of(&self, event: &AgentEvent) -> String {
        match &self.subject {
            Some(subject) => subject(event),
            None => match event.data["customerId"].as_str() {
                Some(customer) => customer.to_owned(),
                None => event.stream_id.clone(),
            },
        }
    }

    pub(super) fn arguments_for(&self, event: &AgentEvent) -> Value {
        self.arguments.as_ref().map_or(Value::Null, |arguments| arguments(event))
    }

    pub(super) fn history_for(
        &self,
        engine: &Engine,
        namespace: &str,
        subject: &str,
        event: &AgentEvent,
    ) -> Result<Vec<AgentEvent>, ActivityError> {
        let Some(load) = &self.load_history else { return Ok(Vec::new()) };
        let limit = self.patterns.iter().map(|pattern| pattern.window.event_limit).max();
        let limit = limit.unwrap_or_default();
        let mut history = load(&HistoryRequest { engine, namespace, subject, event, limit })?;
        // What came later is for later.
        history.retain(|earlier| earlier.position < event.position);
        history.sort_by_key(|earlier| earlier.position);
        let surplus = history.len().saturating_sub(limit);
        history.drain(..surplus);
        Ok(history)
    }
}

/// A worker's agents.
#[derive(Default)]
pub struct Agents {
    /// Shared with the workflows' code.
    known: Shared,
    pub(super) default_on_complete: Option<Arc<OnComplete>>,
    /// Changes when an agent may have become active.
    pub(super) news: watch::Sender<()>,
    mistakes: Vec<String>,
}

/// The agents, as code sees them that was registered with the first of them.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<RwLock<BTreeMap<&'static str, Arc<Agent>>>>);

impl Shared {
    pub(super) fn get(&self, id: &str) -> Option<Arc<Agent>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Agent>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn add(&self, agent: Arc<Agent>) -> bool {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(agent.id, agent).is_none()
    }
}

impl Extension for Agents {
    fn check(&self) -> Result<(), String> {
        self.mistakes.first().map_or(Ok(()), |mistake| Err(mistake.clone()))
    }
}

impl Agents {
    /// An agent by its id.
    pub fn get(&self, id: &str) -> Option<Arc<Agent>> {
        self.known.get(id)
    }

    /// Wakes the events that wait for an agent, once the transaction is durable.
    pub(super) fn announce(tx: &mut TransactionContext<'_>) {
        if let Some(agents) = tx.extension::<Self>() {
            tx.announce(&agents.news);
        }
    }

    /// Every agent, by id.
    pub fn all(&self) -> Vec<Arc<Agent>> {
        self.known.all()
    }
}

/// Agents on a worker.
pub trait WorkerAgents {
    /// Adds an agent. Give the worker its model's provider first.
    #[must_use]
    fn agent(self, agent: Agent) -> Self;

    /// What is done for agents that say nothing of their own when the handling of an event has
    /// ended, in the place of [`Completion::apply`].
    #[must_use]
    fn agents_on_complete(
        self,
        handler: impl Fn(&mut TransactionContext<'_>, &Completion) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self;
}

/// The queue that questions to models go through.
pub(super) const AGENT_POOL: &str = "agentPool";

impl WorkerAgents for Worker {
    fn agent(self, agent: Agent) -> Self {
        let has_model = self.extension::<Llm>().is_some_and(|llm| llm.provider().is_some());
        let is_first = self.extension::<Agents>().is_none_or(|agents| agents.all().is_empty());
        let worker = self.extend(|agents: &mut Agents| {
            if let Err(error) = agent.check(has_model) {
                agents.mistakes.push(format!("{}: {error}", error.code()));
            }
            if !agents.known.add(Arc::new(agent.clone())) {
                agents.mistakes.push(format!("agent `{}` is registered twice", agent.id));
            }
        });
        let known = worker.extension::<Agents>().map(|agents| agents.known.clone());
        let known = known.unwrap_or_default();
        let pool = known.all().iter().map(|agent| agent.settings.limits.max_parallelism).max();
        let pool = u32::try_from(pool.unwrap_or(1)).unwrap_or(u32::MAX);
        let worker = worker.queue(AGENT_POOL, QueueLimits::new().concurrency(pool));
        let worker = subscriber::register(worker, &agent, &known);
        if !is_first {
            return worker;
        }
        let worker = context::register(worker).commands(|_| {});
        let worker = worker.dead_letters(dead_letters::EVENTS, dead_letters::retry_event);
        let worker = worker.dead_letters(dead_letters::COMMANDS, dead_letters::retry_command);
        route::register(complete::register(approvals::register(flow::register(worker, &known))))
    }

    fn agents_on_complete(
        self,
        handler: impl Fn(&mut TransactionContext<'_>, &Completion) -> Result<(), ActivityError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.extend(|agents: &mut Agents| agents.default_on_complete = Some(Arc::new(handler)))
    }
}
