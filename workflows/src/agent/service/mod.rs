//! The agents of a running engine: looked at, steered, and what waits for somebody decided.
//!
//! Invariant: what changes goes through the functions and commands of the agents' context, and what
//! is answered is durable. What is only read comes from a snapshot: the loop is left alone.

mod approvals;
mod dead_letters;
mod decisions;
mod lanes;
mod overview;
mod pages;
mod records;

use std::sync::Arc;

use everstep_activities::contexts::{Caller, ContextCommand, call};
use everstep_engine::{ActivityError, ContextRows, Engine, Rejection, RowSnapshot, TransactError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AgentError;
use super::books::{self, AgentsContext};
use super::definition::{Agent, Agents};
use crate::subscriptions::SubscriptionService;

pub use dead_letters::AgentDeadLetter;
pub use decisions::{DecisionFilter, DecisionView};
pub use overview::{AgentView, UsageView};
pub use pages::AgentPage;

/// The agents of an engine. Clones are the same.
#[derive(Clone, Debug)]
pub struct AgentService {
    engine: Engine,
    subscriptions: SubscriptionService,
}

impl AgentService {
    /// The engine's agents, whose events come by these subscriptions.
    pub fn new(engine: &Engine, subscriptions: &SubscriptionService) -> Self {
        Self { engine: engine.clone(), subscriptions: subscriptions.clone() }
    }

    /// Every agent of the worker, by id.
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.engine.extension::<Agents>().map_or_else(Vec::new, Agents::all)
    }

    fn agent(&self, id: &str) -> Result<Arc<Agent>, AgentError> {
        let found = self.engine.extension::<Agents>().and_then(|agents| agents.get(id));
        found.ok_or_else(|| AgentError::NotFound(id.to_owned()))
    }

    /// The ids that a filter names: one, or all.
    fn ids(&self, namespace: &str, agent: Option<&str>) -> Result<Vec<String>, AgentError> {
        self.engine.check_namespace(namespace)?;
        match agent {
            Some(id) => Ok(vec![self.agent(id)?.id.to_owned()]),
            None => Ok(self.agents().iter().map(|agent| agent.id.to_owned()).collect()),
        }
    }

    /// Whether there are books at all.
    fn check_books(&self, namespace: &str) -> Result<(), AgentError> {
        self.engine.check_namespace(namespace)?;
        match self.engine.extension::<Agents>() {
            Some(_) => Ok(()),
            None => Err(AgentError::RecordNotFound("the worker has no agents".to_owned())),
        }
    }

    /// Calls a function of the agents' context, as a transaction of its own.
    async fn call<I, O>(
        &self,
        namespace: &str,
        function: ContextCommand<I, O>,
        user: &str,
        input: I,
    ) -> Result<O, AgentError>
    where
        I: Serialize + Send + 'static,
        O: DeserializeOwned + Send + 'static,
    {
        self.check_books(namespace)?;
        let user = user.to_owned();
        let done = self.engine.transact(namespace, move |tx| {
            let caller = Caller::new(user, tx.namespace());
            call(tx, function, &caller, &input)
        });
        done.await.map_err(refused)
    }

    /// What the books say at one durable moment.
    async fn read<T: Send + 'static>(
        &self,
        namespace: &str,
        look: impl FnOnce(&ContextRows<'_, AgentsContext>) -> Result<T, ActivityError> + Send + 'static,
    ) -> Result<T, AgentError> {
        self.check_books(namespace)?;
        self.look_at(namespace, move |rows| look(&rows.enter(&books::own())?)).await
    }

    /// What is durable, read on a thread that may wait for the disk.
    async fn look_at<T: Send + 'static>(
        &self,
        namespace: &str,
        look: impl FnOnce(&RowSnapshot) -> Result<T, ActivityError> + Send + 'static,
    ) -> Result<T, AgentError> {
        let (engine, namespace) = (self.engine.clone(), namespace.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            look(&engine.rows(&namespace)?).map_err(|error| AgentError::of(&error))
        });
        let unread = |error| Err(AgentError::Engine(Rejection::Unavailable(format!("{error}"))));
        reading.await.unwrap_or_else(unread)
    }
}

fn refused(error: TransactError) -> AgentError {
    match error {
        TransactError::Rejected(rejection) => AgentError::Engine(rejection),
        TransactError::Failed(failure) => match failure.kind() {
            "DEAD_LETTER_NOT_FOUND" => {
                AgentError::RecordNotFound(failure.failure().message.clone())
            }
            "DEAD_LETTER_NOT_PENDING" => AgentError::DeadLetter(failure.failure().message.clone()),
            "REASON_REQUIRED" => AgentError::Invalid(failure.failure().message.clone()),
            _ => AgentError::of(&failure),
        },
        other => AgentError::Engine(Rejection::Unavailable(other.to_string())),
    }
}
