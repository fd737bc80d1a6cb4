//! Events on their way to an agent: one workflow an event, in the order of the event's lane.
//!
//! Invariant: an event is acknowledged once its workflow has completed, and parked once it was given
//! up; while an agent does not take events, they wait and are handed to nobody else.

use std::sync::Arc;
use std::time::Duration;

use everstep_activities::dead_letters::{self as letters, DeadLetterStatus};
use everstep_engine::{
    ActivityError, Engine, IdReuse, OnConflict, Payload, Rejection, RowSnapshot, RunStatus,
    Selector, StartRequest, Worker,
};
use serde_json::Value;

use super::definition::{Agent, Agents, Shared};
use super::flow::AGENT_EVENT;
use super::job::{AgentJob, Completion, CompletionResult, decision_id, workflow_id};
use super::records::RecordedError;
use super::{AgentEvent, AgentStatus, books};
use crate::subscriptions::{Incoming, Subscriber, SubscriberWorker};

/// How often loading what an agent needs is tried: then the event is given up.
const LOADS: u32 = 3;
/// How long a workflow's end is waited for at once.
const POLL: Duration = Duration::from_secs(30);
/// Lanes beyond those that ask or wait for their turn, so that one too many is seen.
const BEYOND: usize = 10;

pub(super) fn register(worker: Worker, agent: &Agent, known: &Shared) -> Worker {
    let (known, id) = (known.clone(), agent.id);
    let limits = &agent.settings.limits;
    let at_once = (limits.max_parallelism + limits.queue_depth + BEYOND).min(500);
    // Names of subscribers live as long as the program, and so do agents.
    let name: &'static str = books::subscription_of(id).leak();
    let subscriber = Subscriber::new(name)
        .types(agent.event_types.clone())
        .at_once(at_once)
        .settings(|settings| {
            settings.max_attempts = 1_000;
            settings.max_backoff_ms = 4_000;
        })
        .handle(move |incoming| {
            let agent = known.get(id);
            async move {
                match agent {
                    Some(agent) => handle(&agent, &incoming).await,
                    None => Ok(()),
                }
            }
        });
    let subscriber = match &agent.lane_tag {
        Some(tag) => subscriber.by_tag(tag),
        None => subscriber,
    };
    worker.subscriber(if agent.from_now { subscriber.from_now() } else { subscriber })
}

async fn handle(agent: &Arc<Agent>, incoming: &Incoming) -> Result<(), ActivityError> {
    if agent.only.as_ref().is_some_and(|passes| !passes(incoming.event())) {
        return Ok(());
    }
    let engine = incoming.engine();
    wait_until_active(engine, incoming.namespace(), agent.id).await?;
    if has_pending_letter(engine, incoming, agent.id).await? {
        return Err(given_up());
    }
    let job = match prepare(agent, incoming).await {
        Ok(job) => job,
        Err(error) if incoming.attempt() < LOADS && !error.failure().non_retryable => {
            return Err(error);
        }
        Err(error) => return give_up(agent, incoming, &error).await,
    };
    let id = workflow_id(agent.id, job.event.position);
    let mut request = StartRequest::new(AGENT_EVENT.name(), Payload::from_value(&job)?);
    incoming.namespace().clone_into(&mut request.namespace);
    request.workflow_id = Some(id.clone());
    request.id_reuse = IdReuse::AllowIfFailed;
    request.on_conflict = OnConflict::UseExisting;
    match engine.start(request).await {
        // It has completed before, and only the acknowledgement was lost.
        Ok(_) | Err(Rejection::WorkflowAlreadyExists(..)) => {}
        Err(rejection) => return Err(ActivityError::new(rejection.code(), rejection)),
    }
    let selector = Selector { namespace: incoming.namespace().to_owned(), ..Selector::newest(id) };
    loop {
        let ended = engine.result(&selector, POLL).await;
        let ended = ended.map_err(|rejection| ActivityError::new(rejection.code(), rejection))?;
        match ended.status {
            RunStatus::Completed => return Ok(()),
            status if status.is_closed() => return Err(given_up()),
            _ => {}
        }
    }
}

/// Parks the event until its dead letter is dealt with.
fn given_up() -> ActivityError {
    ActivityError::new("dead_letter", "given up; replay or ignore its dead letter").non_retryable()
}

async fn prepare(agent: &Arc<Agent>, incoming: &Incoming) -> Result<AgentJob, ActivityError> {
    let data: Value = incoming.data()?;
    let event = AgentEvent::recorded(incoming.event(), data);
    let subject = agent.subject_of(&event);
    let (agent, engine) = (Arc::clone(agent), incoming.engine().clone());
    let (namespace, lane) = (incoming.namespace().to_owned(), incoming.key().to_owned());
    let loading = tokio::task::spawn_blocking(move || {
        let history = agent.history_for(&engine, &namespace, &subject, &event)?;
        let (agent_id, arguments) = (agent.id.to_owned(), agent.arguments_for(&event));
        Ok(AgentJob { agent_id, subject, lane, event, history, arguments })
    });
    match loading.await {
        Ok(loaded) => loaded,
        Err(error) => Err(ActivityError::new("panic", format!("loading history: {error}"))),
    }
}

async fn give_up(
    agent: &Agent,
    incoming: &Incoming,
    error: &ActivityError,
) -> Result<(), ActivityError> {
    let event = AgentEvent::recorded(incoming.event(), Value::Null);
    let error =
        RecordedError { code: error.kind().to_owned(), message: error.failure().message.clone() };
    let job = AgentJob {
        agent_id: agent.id.to_owned(),
        subject: event.stream_id.clone(),
        lane: incoming.key().to_owned(),
        event,
        history: Vec::new(),
        arguments: Value::Null,
    };
    let completion = Completion::of(&job, CompletionResult::Failed { error });
    let done = incoming.engine().transact(incoming.namespace(), move |tx| completion.apply(tx));
    done.await.map_err(unavailable)?;
    Err(given_up())
}

fn unavailable(error: impl std::fmt::Display) -> ActivityError {
    ActivityError::new("unavailable", error)
}

/// Waits while the agent takes no events: whoever lets it go on wakes those who wait.
async fn wait_until_active(
    engine: &Engine,
    namespace: &str,
    id: &'static str,
) -> Result<(), ActivityError> {
    let Some(agents) = engine.extension::<Agents>() else { return Ok(()) };
    let mut news = agents.news.subscribe();
    let status = |rows: &RowSnapshot| {
        let checkpoint = books::peek_checkpoint(&rows.enter(&books::own())?, id)?;
        Ok(checkpoint.map(|checkpoint| checkpoint.status).unwrap_or_default())
    };
    while look_at(engine, namespace, status).await? != AgentStatus::Active {
        tokio::select! {
            _ = news.changed() => {}
            () = engine.namespace_gone(namespace) => {
                return Err(unavailable(Rejection::NamespaceNotFound(namespace.to_owned())));
            }
            why = engine.stopped() => return Err(unavailable(why)),
        }
    }
    Ok(())
}

async fn has_pending_letter(
    engine: &Engine,
    incoming: &Incoming,
    id: &'static str,
) -> Result<bool, ActivityError> {
    let source = decision_id(id, incoming.position());
    let is_pending = move |rows: &RowSnapshot| {
        let letter = books::letter_of(&rows.enter(&books::own())?, &source)?;
        let Some(letter) = letter else { return Ok(false) };
        let found = letters::show(rows, &letter.dead_letter_id).map_err(unavailable)?;
        Ok(found.is_some_and(|letter| letter.status == DeadLetterStatus::Pending))
    };
    look_at(engine, incoming.namespace(), is_pending).await
}

/// What is durable, read on a thread that may wait for the disk.
async fn look_at<T: Send + 'static>(
    engine: &Engine,
    namespace: &str,
    look: impl FnOnce(&RowSnapshot) -> Result<T, ActivityError> + Send + 'static,
) -> Result<T, ActivityError> {
    let (engine, namespace) = (engine.clone(), namespace.to_owned());
    let looking = move || look(&engine.rows(&namespace).map_err(unavailable)?);
    tokio::task::spawn_blocking(looking).await.unwrap_or_else(|error| Err(unavailable(error)))
}

#[cfg(test)]
mod tests {
    use everstep_engine::{EngineConfig, NamespaceSettings};
    use everstep_storage::MemoryStore;
    use tokio::runtime::Handle;

    use super::*;
    use crate::agent::{PatternDefinition, WorkerAgents};

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_for_a_paused_agent_is_let_go_when_the_namespace_goes() {
        let pattern = PatternDefinition::new("never").trigger(|_| false);
        let agent = Agent::new("watcher").listens_to(["Never"]).fallback().pattern(pattern);
        let worker = Worker::new().agent(agent);
        let config = EngineConfig::default();
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::open(store, worker, config, Handle::current()).unwrap();
        engine.create_namespace("a", NamespaceSettings::default()).await.unwrap();
        let paused = engine.transact("a", |tx| {
            let mut books = books::open(tx)?;
            let mut checkpoint = books::load_checkpoint(&mut books, "watcher")?;
            checkpoint.status = AgentStatus::Paused;
            books::keep_checkpoint(&mut books, checkpoint)
        });
        paused.await.unwrap();
        let own = engine.clone();
        let waits = tokio::spawn(async move { wait_until_active(&own, "a", "watcher").await });
        let agents = engine.extension::<Agents>().unwrap();
        while agents.news.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        engine.delete_namespace("a").await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap().unwrap();
        assert!(ended.unwrap_err().to_string().contains("namespace `a`"));
        engine.drain(Duration::ZERO).await;
    }
}
