//! The process managers of a worker.

use std::collections::BTreeMap;

use everstep_engine::{ActivityError, Engine, Extension, Rejection, Worker};
use serde::{Deserialize, Serialize};

use super::ProcessManager;
use crate::subscriptions::{Subscriber, SubscriberWorker};

/// How long an event is held by a process that may have ended.
const LEASE_MS: u64 = 5_000;

/// The process managers of a worker.
#[derive(Default)]
pub struct ProcessManagers {
    by_name: BTreeMap<&'static str, ProcessManager>,
    mistakes: Vec<String>,
}

impl Extension for ProcessManagers {
    fn check(&self) -> Result<(), String> {
        self.mistakes.first().map_or(Ok(()), |mistake| Err(mistake.clone()))
    }
}

/// A process manager as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessManagerInfo {
    /// Its name, which is that of its subscription.
    pub name: String,
    /// The context that it belongs to.
    pub context: String,
    /// The events that it hears of.
    pub event_subscriptions: Vec<String>,
    /// The commands that it may send.
    pub emits_commands: Vec<String>,
    /// The tag by whose value events belong together.
    pub correlation_strategy: String,
}

impl ProcessManagers {
    /// All of them, by name.
    pub fn list(&self) -> Vec<ProcessManagerInfo> {
        let texts = |all: &[&'static str]| all.iter().map(|one| (*one).to_owned()).collect();
        let info = |one: &ProcessManager| ProcessManagerInfo {
            name: one.name.to_owned(),
            context: one.context.to_owned(),
            event_subscriptions: texts(&one.events),
            emits_commands: texts(&one.emits),
            correlation_strategy: one.correlated_by.to_owned(),
        };
        self.by_name.values().map(info).collect()
    }
}

/// Process managers on a worker.
pub trait WorkerProcessManagers {
    /// Adds a process manager; its subscription is made in every namespace.
    #[must_use]
    fn process_manager(self, manager: ProcessManager) -> Self;
}

impl WorkerProcessManagers for Worker {
    fn process_manager(self, manager: ProcessManager) -> Self {
        let own = manager.clone();
        let subscriber = Subscriber::new(manager.name)
            .types(manager.events.iter().copied())
            .by_tag(manager.correlated_by)
            // What a process held that was killed comes again soon.
            .settings(|settings| settings.lease_ms = LEASE_MS)
            .handle(move |incoming| {
                let manager = own.clone();
                async move {
                    let (engine, event) = (incoming.engine().clone(), incoming.event().clone());
                    manager.handle(engine, incoming.namespace(), event).await.map(drop)
                }
            });
        self.subscriber(subscriber).extend(|all: &mut ProcessManagers| {
            let name = manager.name;
            if manager.decide.is_none() || manager.events.is_empty() {
                all.mistakes.push(format!("process manager `{name}` has no events or no function"));
            }
            all.by_name.insert(name, manager);
        })
    }
}

/// Hands an event to a process manager once more, as if it had come again; answers how many commands
/// it sent that had not been sent before.
///
/// # Errors
/// `PROCESS_MANAGER_NOT_FOUND`, `event_not_found`, and what the manager's code returns.
pub async fn redeliver(
    engine: &Engine,
    namespace: &str,
    name: &str,
    position: u64,
) -> Result<usize, ActivityError> {
    let not_found = |kind: &str, what: String| ActivityError::new(kind, what).non_retryable();
    let manager = engine.extension::<ProcessManagers>().and_then(|all| all.by_name.get(name));
    let manager = manager.cloned().ok_or_else(|| {
        not_found("PROCESS_MANAGER_NOT_FOUND", format!("no process manager `{name}`"))
    })?;
    let (reader, own) = (engine.clone(), namespace.to_owned());
    let reading = tokio::task::spawn_blocking(move || -> Result<_, Rejection> {
        Ok(reader.rows(&own)?.log().event(position)?)
    });
    let event = reading.await??.filter(|event| manager.events.contains(&event.event_type()));
    let event = event.ok_or_else(|| {
        let what = format!("event {position} does not exist, or `{name}` does not hear of it");
        not_found("event_not_found", what)
    })?;
    manager.handle(engine.clone(), namespace, event).await
}
